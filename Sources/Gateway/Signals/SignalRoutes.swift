// SignalRoutes: emitting and listing signals over HTTP.

internal import Bytes
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Notifier

extension GatewayLoop {
    func emitSignal(_ exchange: Exchange, _ match: RouteMatch) {
        let name = capture(0, match, exchange)
        if let fault = SignalName.fault(of: name) {
            exchange.respondProblem(fault.status, fault.code, fault.detail)
            return
        }
        let key = exchange.field(.idempotencyKey).map { Payload($0) }
        guard !exchange.isRepeated(.idempotencyKey) else {
            exchange.respondProblem(
                400, "bad_idempotency_key", "There is more than one Idempotency-Key.")
            return
        }
        if let key, key.count == 0 || key.count > EmissionWindow.keyByteLimit {
            exchange.respondProblem(
                400, "bad_idempotency_key",
                "An Idempotency-Key has 1 to \(EmissionWindow.keyByteLimit) bytes.")
            return
        }
        let copy = Payload(name)
        withJSON(exchange) { data in
            let payload = exchange.body.count == 0 ? Payload(Array("null".utf8)) : Payload(data)
            emit(copy, payload, key: key) { [epoch = facts.epoch] emission in
                exchange.respond(emission, epoch)
            }
        }
    }

    func listSignals(_ exchange: Exchange) {
        askControl(exchange) { _, control, done in
            done((facts: HubFacts(control.hub), list: control.hub.list()))
        } respond: { part, exchange, hub in
            exchange.respond(hub.facts, hub.list, part.facts.epoch)
        }
    }
}

/// The hub in numbers, at one moment.
///
/// Any thread.
struct HubFacts: Sendable {
    /// Number of the last event, and of the oldest one that is kept.
    let newest: UInt64
    let oldest: UInt64
    /// Events so far, in this run.
    let emitted: UInt64
    /// Events that are kept, and their bytes.
    let retained: Int
    let bytes: Int
    /// Open streams, and the different wishes that they have.
    let subscribers: Int
    let filters: Int
    /// Emissions that had been made before, by their key.
    let repeated: UInt64

    init(_ hub: SignalHub) {
        newest = hub.newest
        oldest = hub.oldest
        emitted = hub.emittedCount
        retained = hub.retainedCount
        bytes = hub.retainedBytes
        subscribers = hub.subscriberCount
        filters = hub.filterCount
        repeated = hub.repeatedCount
    }
}

extension Exchange {
    /// Answers an emission.
    fileprivate func respond(_ emission: Emission, _ epoch: SignalEpoch) {
        switch emission {
        case .emitted(let sequence, let subscribers):
            respondEmitted(epoch.id(sequence), subscribers)
        case .repeated(let sequence, let subscribers):
            extraFields.append("Idempotent-Replayed: true\r\n")
            respondEmitted(epoch.id(sequence), subscribers)
        case .held:
            // Only ever settled emissions are answered.
            respondProblem(500, "not_settled", "The signal is still on its way to the disk.")
        case .notStored(let reason):
            extraFields.append("Retry-After: 2\r\n")
            respondProblem(503, "not_stored", "The signal could not be stored: \(reason).")
        case .keyIsTaken:
            respondProblem(
                422, "idempotency_key_taken",
                "Another signal or other data was emitted under this Idempotency-Key.")
        case .tooLarge(let limit):
            respondProblem(
                413, "event_too_large",
                "A signal's data has \(Quantity.bytes(limit)) at most.")
        }
    }

    private func respondEmitted(_ id: String, _ subscribers: Int) {
        respondJSON { json in
            json.beginObject()
            json.key("id")
            json.string(id)
            json.key("subscribers")
            json.int(subscribers)
            json.endObject()
        }
    }

    /// Answers with the signals that there have been.
    fileprivate func respond(
        _ facts: HubFacts, _ list: [SignalHub.NameFacts], _ epoch: SignalEpoch
    ) {
        respondJSON { json in
            json.beginObject()
            json.key("epoch")
            json.string(String(decoding: epoch.text, as: UTF8.self))
            json.key("last_id")
            json.string(epoch.id(facts.newest))
            json.key("subscribers")
            json.int(facts.subscribers)
            json.key("retained")
            json.int(facts.retained)
            json.key("retained_bytes")
            json.int(facts.bytes)
            json.key("signals")
            json.beginArray()
            for entry in list { entry.append(to: &json, epoch) }
            json.endArray()
            json.endObject()
        }
    }
}

extension SignalHub.NameFacts {
    fileprivate func append(to json: inout JSONWriter, _ epoch: SignalEpoch) {
        json.beginObject()
        json.key("name")
        json.string(name)
        json.key("last_id")
        if let last { json.string(epoch.id(last)) } else { json.null() }
        json.key("emitted")
        json.int(Int(clamping: emitted))
        json.key("retained")
        json.int(retained)
        json.key("retained_bytes")
        json.int(bytes)
        json.key("latest")
        json.bool(isLatest)
        json.key("subscribers")
        json.int(subscribers)
        json.endObject()
    }
}
