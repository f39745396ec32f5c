// StreamRoutes: opening event streams, feeding them from the past, and ending them.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import Notifier

extension GatewayLoop {
    func openStream(_ exchange: Exchange) {
        let request: StreamRequest
        do throws(StreamRequest.Fault) {
            request = try StreamRequest(exchange, epoch: facts.epoch)
        } catch {
            exchange.respondProblem(error.status, error.code, error.detail)
            return
        }
        let filter = request.filter
        guard !isDraining,
            subscriptions.patternCount + filter.patterns.count <= SubscriptionTable.patternLimit,
            facts.streams.take()
        else {
            exchange.extraFields.append("Retry-After: 1\r\n")
            exchange.respondProblem(
                503, "too_many_streams", "No more event streams are taken at the moment.")
            return
        }
        guard let subscription = begin(request, exchange) else {
            facts.streams.giveBack()
            return
        }
        subscription.needsPosition = request.point == .live
        onControl { _, control in control.hub.subscribed(filter) }
        requestReplay(subscription, from: beginning(of: request))
    }

    /// Where a stream begins: a new one where this loop stands at this moment.
    ///
    /// Its head leaves before the hub knows of it, and who has read the head may emit at once.
    private func beginning(of request: StreamRequest) -> ResumePoint {
        guard request.point == .live, request.format != .array, subscriptions.knowsNewest else {
            return request.point
        }
        return .snapshot(0, then: subscriptions.newest)
    }

    /// Begins the answer; nil if that is all of it.
    private func begin(_ request: StreamRequest, _ exchange: Exchange) -> Subscription? {
        let isCompressed = request.isCompressed && subscriptions.mayCompress
        exchange.extraFields.append("Cache-Control: no-store, no-transform\r\n")
        if request.format == .array {
            guard exchange.method == .get else {
                // Nobody knows how long the array would be, so no length is said (RFC 9110 §8.6).
                exchange.beginStream(
                    200, type: request.format.mediaType, endsWithConnection: true)
                return nil
            }
        } else {
            exchange.extraFields.append("X-Accel-Buffering: no\r\n")
            if isCompressed { exchange.extraFields.append("Content-Encoding: gzip\r\n") }
            if request.format == .lines { appendPosition(request.point, &exchange.extraFields) }
            exchange.beginStream(
                200, type: request.format.mediaType,
                endsWithConnection: StreamClient.readsAsItComes(exchange))
            guard exchange.isOpen else { return nil }  // HEAD
            exchange.keepOnlyStream()
        }
        let kind = StreamKind(
            filter: request.filter, format: request.format,
            isChunked: exchange.streamIsChunked && !isCompressed && request.format != .array,
            isCompressed: isCompressed)
        let subscription = subscriptions.add(exchange, kind, pause: request.pause)
        guard request.format != .array else { return subscription }
        var opening = ByteBuffer()
        encoder.appendOpening(request.format, retryMillis: retryMillis(), to: &opening)
        if !opening.isEmpty { subscription.send(opening.readable) }
        return subscription
    }

    /// Appends the field that tells where a stream of lines begins, which has no line for it.
    private func appendPosition(_ point: ResumePoint, _ fields: inout ByteBuffer) {
        switch point {
        case .unknown(let text):
            // Not ours, so it may be anything; the notice that follows has an id of ours.
            guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                return
            }
            fields.append("Last-Event-ID: ")
            fields.append(text: text)
        case .after(let sequence), .following(let sequence, _):
            fields.append("Last-Event-ID: ")
            encoder.appendID(sequence, to: &fields)
        case .live, .snapshot:
            // The hub may be ahead of this loop: then what is told twice is better than what is not.
            fields.append("Last-Event-ID: ")
            encoder.appendID(subscriptions.newest, to: &fields)
        }
        fields.append("\r\n")
    }

    /// When this client should come back after a cut: spread, so that not all come at once.
    private func retryMillis(spread: Int = 0) -> Int {
        let base = Int(clamping: facts.settings.signals.retry.nanoseconds / 1_000_000)
        return base + Int.random(in: 0...max(base / 2, spread, 1))
    }

    // MARK: The past

    /// Asks the hub for what the stream has missed; the last answer makes it live.
    private func requestReplay(_ subscription: Subscription, from point: ResumePoint) {
        let number = subscription.number
        let slot = subscription.slot
        let filter = subscription.filter
        if let control {
            control.replays.add(point, filter) { [unowned self] in resume(slot, number, $0) }
            return
        }
        let home = address
        onControl { _, control in
            control.replays.add(point, filter) { slice in
                home.post { $0.resume(slot, number, slice) }
            }
        }
    }

    /// Sends a slice; when the client has read it, the next one is asked for.
    private func resume(_ slot: Int32, _ number: UInt32, _ slice: ReplaySlice) {
        guard let subscription = subscriptions.find(slot, number) else { return }
        subscriptions.resume(subscription, slice)
        guard let next = slice.next, subscriptions.find(slot, number) != nil else { return }
        guard subscription.exchange.backlog > 0 else {
            // Nothing of it was wanted, so nobody will tell that it has left. Another turn, because
            // the others want theirs as well.
            let home = address
            home.post { part in
                guard let subscription = part.subscriptions.find(slot, number) else { return }
                part.requestReplay(subscription, from: next)
            }
            return
        }
        subscription.exchange.onSent = { [unowned self, unowned subscription] in
            subscription.exchange.onSent = nil
            requestReplay(subscription, from: next)
        }
    }

    // MARK: The end

    func streamEnded(_ filter: SignalFilter) {
        facts.streams.giveBack()
        onControl { _, control in control.hub.unsubscribed(filter) }
    }

    /// Says goodbye on every stream, one after the other, and when to come back.
    func closeStreams() {
        subscriptions.deliverAll()
        let streams = subscriptions.all
        // 2 ms apart: a thousand clients come back over two seconds, not in one instant. But all
        // within half of the time that the drain has.
        let window = Int(clamping: facts.settings.limits.drainTimeout.nanoseconds / 2_000_000)
        let spread = min(2 * streams.count, window)
        for (place, subscription) in streams.enumerated() {
            let slot = subscription.slot
            let number = subscription.number
            loop.addTimer(after: .milliseconds(place * spread / max(streams.count, 1))) {
                [self] in
                guard let subscription = subscriptions.find(slot, number) else { return }
                close(subscription, retryMillis: retryMillis(spread: spread))
            }
        }
    }

    private func close(_ subscription: Subscription, retryMillis: Int) {
        guard subscription.format != .array else {
            subscriptions.endWait(subscription)
            return
        }
        var text = ByteBuffer()
        encoder.appendClosing(
            at: subscription.position, subscription.format, retryMillis: retryMillis, to: &text)
        subscription.send(text.readable)
        subscriptions.end(subscription)
    }
}
