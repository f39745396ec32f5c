// SignalRoutes: event streams, emitting and listing signals over HTTP.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier

extension GatewayLoop {
    // MARK: Streams

    func openStream(_ exchange: Exchange) {
        let wish: StreamWish
        do throws(StreamWish.Fault) {
            wish = try StreamWish(exchange, epoch: facts.epoch)
        } catch {
            exchange.respondProblem(error.status, "bad_request", error.detail)
            return
        }
        guard subscriptions.count < subscriptionLimit, !isDraining else {
            exchange.extraFields.append("Retry-After: 1\r\n")
            exchange.respondProblem(
                503, "too_many_streams", "No more event streams are taken at the moment.")
            return
        }
        exchange.extraFields.append(
            "Cache-Control: no-store, no-transform\r\nX-Accel-Buffering: no\r\n")
        exchange.beginStream(200, type: EventEncoder.mediaType)
        guard exchange.isOpen else { return }  // HEAD
        var opening = ByteBuffer()
        encoder.appendOpening(retryMillis: retryMillis(), to: &opening)
        exchange.send(opening.readable)
        let subscription = subscriptions.add(exchange, wish.filter)
        let filter = wish.filter
        onControl { _, control in control.hub.subscribed(filter) }
        requestReplay(subscription, from: wish.point)
    }

    private var subscriptionLimit: Int {
        max(facts.settings.signals.subscriptions / facts.loopCount, 1)
    }

    /// When this client should come back after a cut: spread, so that not all come at once.
    private func retryMillis() -> Int {
        let base = Int(clamping: facts.settings.signals.retry.nanoseconds / 1_000_000)
        return base + Int.random(in: 0...max(base / 2, 1))
    }

    /// Asks the hub for what the stream has missed; the answer makes it live.
    private func requestReplay(_ subscription: Subscription, from point: ResumePoint) {
        let number = subscription.number
        let filter = subscription.filter
        if let control {
            let now = loop.clock.wallNanos()
            resume(number, control.hub.replay(point, filter, wallNanos: now))
            return
        }
        let home = address
        onControl { there, control in
            let now = there.loop.clock.wallNanos()
            let slice = control.hub.replay(point, filter, wallNanos: now)
            home.post { $0.resume(number, slice) }
        }
    }

    /// Sends a slice; when the client has read it, the next one is asked for.
    private func resume(_ number: UInt64, _ slice: ReplaySlice) {
        guard let subscription = subscriptions.find(number) else { return }
        subscriptions.resume(subscription, slice)
        guard !slice.isLive else { return }
        let position = subscription.position
        subscription.exchange.onSent = { [unowned self, unowned subscription] in
            subscription.exchange.onSent = nil
            requestReplay(subscription, from: .after(position))
        }
    }

    func streamEnded(_ subscription: Subscription) {
        let filter = subscription.filter
        onControl { _, control in control.hub.unsubscribed(filter) }
    }

    /// Says goodbye on every stream, one after the other, and when to come back.
    func closeStreams() {
        for (place, subscription) in subscriptions.all.enumerated() {
            // 2 ms apart: a thousand clients come back over two seconds, not in one instant.
            loop.addTimer(after: .milliseconds(2 * place)) { [self] in
                guard subscriptions.find(subscription.number) != nil else { return }
                var text = ByteBuffer()
                encoder.appendClosing(retryMillis: retryMillis(), to: &text)
                subscription.exchange.send(text.readable)
                subscriptions.end(subscription)
            }
        }
    }

    // MARK: Emitting and listing

    func emitSignal(_ exchange: Exchange, _ match: RouteMatch) {
        let name = capture(0, match, exchange)
        guard SignalName.isValid(name) else {
            exchange.respondProblem(
                400, "bad_signal_name",
                "A signal's name is segments of letters, digits, - and _, joined by dots.")
            return
        }
        guard !SignalName.isReserved(name) else {
            exchange.respondProblem(
                403, "reserved_signal", "Signals under signalbox. are emitted by the gateway only.")
            return
        }
        let copy = Payload(name)
        withJSON(exchange) { data in
            let payload = exchange.body.count == 0 ? Payload(Array("null".utf8)) : Payload(data)
            emit(copy, payload) { [epoch = facts.epoch] sequence, subscribers in
                exchange.respondJSON { json in
                    json.beginObject()
                    json.key("id")
                    json.string(epoch.id(sequence))
                    json.key("subscribers")
                    json.int(subscribers)
                    json.endObject()
                }
            }
        }
    }

    func listSignals(_ exchange: Exchange) {
        let waiting = LoopBound(exchange, loop.handle)
        let home = address
        let epoch = facts.epoch
        onControl { _, control in
            let list = control.hub.list()
            let retained = control.hub.retainedCount
            home.post { _ in
                waiting.value.respondJSON { json in
                    json.beginObject()
                    json.key("epoch")
                    json.string(String(decoding: epoch.text, as: UTF8.self))
                    json.key("retained")
                    json.int(retained)
                    json.key("signals")
                    json.beginArray()
                    for entry in list {
                        json.beginObject()
                        json.key("name")
                        json.string(entry.name)
                        json.key("last_id")
                        json.string(epoch.id(entry.facts.last))
                        json.key("emitted")
                        json.int(Int(clamping: entry.facts.emitted))
                        json.key("subscribers")
                        json.int(entry.subscribers)
                        json.endObject()
                    }
                    json.endArray()
                    json.endObject()
                }
            }
        }
    }
}

/// What a request for an event stream asks for.
private struct StreamWish {
    /// Why a request cannot have a stream.
    struct Fault: Error {
        let status: Int
        let detail: String
    }

    let filter: SignalFilter
    let point: ResumePoint

    /// Reads the query and the fields.
    init(_ exchange: Exchange, epoch: SignalEpoch) throws(Fault) {
        if let accept = exchange.field(.accept), !Self.acceptsEvents(accept) {
            throw Fault(status: 406, detail: "This is an event stream: accept text/event-stream.")
        }
        var patterns: [SignalPattern] = []
        var lastID: String?
        var fault: Fault?
        QueryString.forEach(exchange.query) { name, value in
            switch (name, value) {
            case ("signal", let text?):
                if let pattern = SignalPattern(text) {
                    patterns.append(pattern)
                } else {
                    fault = Fault(
                        status: 400,
                        detail: "\"\(text)\" is no signal pattern: use a.b, a.* or a.**.")
                }
            case ("last_event_id", let text?), ("lastEventId", let text?): lastID = text
            case (.some, .some): break
            default: fault = Fault(status: 400, detail: "The query is not well-formed.")
            }
        }
        if let fault { throw fault }
        guard !patterns.isEmpty else {
            throw Fault(
                status: 400, detail: "Say which signals: ?signal=host.**&signal=demo.tick")
        }
        guard patterns.count <= SignalFilter.patternLimit else {
            throw Fault(
                status: 400,
                detail: "At most \(SignalFilter.patternLimit) signals for one stream.")
        }
        filter = SignalFilter(patterns)
        if let field = exchange.field(.lastEventID) {
            point = ResumePoint(field, epoch: epoch)
        } else if var lastID {
            point = lastID.withUTF8 { ResumePoint(UnsafeRawBufferPointer($0), epoch: epoch) }
        } else {
            point = .live
        }
    }

    private static func acceptsEvents(_ accept: UnsafeRawBufferPointer) -> Bool {
        Negotiation.mediaType(accept: accept, offers: [EventEncoder.mediaType]) != nil
    }
}
