// StateCheck: whether the state can be kept where a configuration says. Asked for by check-config; a
// gateway finds out when it opens it.

extension Gateway {
    /// What keeps a gateway with `settings` from using its state: a sentence with its key path, or
    /// nothing.
    ///
    /// Nothing is made or written. A state that a running gateway has open is fine.
    public static func stateFaults(of settings: Settings) -> [String] {
        guard let folder = settings.state, let fault = StateStore.fault(in: folder) else {
            return []
        }
        return ["state: \(fault)"]
    }
}
