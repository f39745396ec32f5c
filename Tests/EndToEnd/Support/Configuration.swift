// The configuration file of a gateway under test.

/// What a test wants its gateway to do.
struct Configuration {
    /// Name and command line of each module.
    var modules: [(name: String, command: [String])] = [
        ("host", ["python3", Checkout.root + "/examples/modules/host.py"]), slow,
    ]
    /// Whether the signal demo.tick comes each second.
    var hasTick = true
    /// More members of the file's object.
    var more = ""

    /// The module whose commands end when the test says so.
    static let slow = (
        name: "slow", command: ["python3", Checkout.root + "/Tests/EndToEnd/modules/slow.py"]
    )

    /// Makes a configuration.
    init(
        modules: [(name: String, command: [String])]? = nil, hasTick: Bool = true,
        more: String = ""
    ) {
        if let modules { self.modules = modules }
        self.hasTick = hasTick
        self.more = more
    }

    /// The text of the file.
    func text(httpPort: Int, httpsPort: Int) -> String {
        let modules = modules.map { name, command in
            "\(name): { command: [\(command.map { "'\($0)'" }.joined(separator: ", "))] },"
        }
        let tick = "tick: { every: '1s', emit: { signal: 'demo.tick', data: {} } },"
        return """
            {
                listeners: [
                    { url: 'http://localhost:\(httpPort)' },
                    {
                        url: 'https://localhost:\(httpsPort)',
                        certificate: '\(Checkout.root)/certs/localhost.crt',
                        key: '\(Checkout.root)/certs/localhost.key',
                    },
                ],
                modules: {
                    \(modules.joined(separator: "\n        "))
                },
                timers: { \(hasTick ? tick : "") },
                \(more)
            }
            """
    }
}
