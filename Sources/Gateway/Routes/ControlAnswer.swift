// ControlAnswer: requests about what exists once, answered by the control loop wherever they come in.

internal import HTTP
internal import JSON
internal import Notifier

extension GatewayLoop {
    /// Answers with the JSON that `write` makes on the control loop of what `find` finds there, or
    /// with 404 and `missing` if that is nothing.
    func answer<Found>(
        _ exchange: Exchange, missing: @autoclosure () -> (code: StaticString, detail: String),
        find: @escaping @Sendable (Control) -> Found?,
        write: @escaping @Sendable (Found, Control, inout JSONWriter) -> Void
    ) {
        let waiting = LoopBound(exchange, loop.handle)
        let home = address
        let missing = missing()
        onControl { _, control in
            let json = find(control).map { found in
                JSONBytes.make { write(found, control, &$0) }
            }
            home.post { _ in
                guard let json else {
                    waiting.value.respondProblem(404, missing.code, missing.detail)
                    return
                }
                json.withUnsafeBytes { waiting.value.respond(200, type: "application/json", $0) }
            }
        }
    }
}
