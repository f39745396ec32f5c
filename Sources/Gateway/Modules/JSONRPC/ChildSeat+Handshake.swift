// ChildSeat+Handshake: what a child is told and asked before any call: the steps of the configuration,
// and which commands it has.

extension ChildSeat {
    /// Sends step `number` of the handshake, and what follows it.
    func shake(_ number: Int) {
        guard number < settings.handshake.count else {
            discoverCommands()
            return
        }
        let step = settings.handshake[number]
        guard !step.isNotification else {
            notify(step.method, step.params)
            shake(number + 1)
            return
        }
        ask(step.method, step.params) { [unowned self] outcome in
            switch outcome {
            case .result: shake(number + 1)
            case .failure(.exited): break  // `ended` follows
            case .failure(let error): end("refused \(step.method): \(error.detail)")
            }
        }
    }

    private func discoverCommands() {
        guard !module.commandsAreListed else {
            becameReady()
            return
        }
        ask("rpc.discover", Array("{}".utf8)) { [unowned self] outcome in
            switch outcome {
            case .result(let bytes): module.describe(OpenRPC.read(bytes))
            case .failure(.exited): return  // `ended` follows
            case .failure(let error):
                log(.debug, "rpc.discover: \(error.detail)")
                module.describe(OpenRPC.Reading())
            }
            becameReady()
        }
    }
}
