// Upstream: the Python HTTP server that modules of tests are, and what it tells.

import Foundation
import Testing

/// What the Python upstream tells of a request.
struct UpstreamTold: Decodable {
    var method: String
    var target: String
    var fields: [[String]]
    var size: Int
    var connections: Int

    /// All values of the field of that name, in the letters it came in.
    subscript(name: String) -> [String] {
        fields.filter { $0[0].lowercased() == name.lowercased() }.map { $0[1] }
    }
}

/// The Python upstream.
struct Upstream {
    let program: Program
    let port: Int

    init(socket: String? = nil) throws {
        let file = Checkout.root + "/Tests/EndToEnd/modules/upstream.py"
        let program = try Program(["python3", file] + (socket.map { [$0] } ?? []))
        self.program = program
        port = try waitFor("the port of the upstream \(program.errors)") {
            Int(program.output.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    /// Runs `body` with a gateway whose module `up` is this upstream.
    func serve(_ keys: String = "", loops: Int = 1, _ body: (Server) throws -> Void) throws {
        try Server.run("http: 'http://127.0.0.1:\(port)/base', \(keys)", loops: loops, body)
    }
}

extension Server {
    /// Runs `body` with a gateway that has one module, `up`, with these keys.
    static func run(
        _ keys: String, loops: Int = 1, _ body: (Server) throws -> Void
    ) throws {
        let server = try Server { httpPort, _ in
            """
            {
                listeners: [{ url: 'http://localhost:\(httpPort)' }], loops: \(loops),
                limits: { call_timeout: '2s', drain_timeout: '1s' },
                modules: { up: { \(keys) } },
            }
            """
        }
        do {
            try body(server)
        } catch {
            Issue.record("the gateway wrote:\n\(server.program.errors)")
            throw error
        }
        try server.stop()
    }

    /// The URL of a command of the upstream.
    func up(_ command: String) -> String { http("/v1/modules/up/\(command)") }
}

/// What the upstream's counters in the module's resource say.
struct UpstreamResource: Decodable {
    struct Upstream: Decodable {
        var breaker: String
        var calls: Int
        var in_flight: Int
        var answers: Int
        var failures: Int
        var refusals: Int
    }
    var state: String
    var reason: String?
    var upstream: Upstream
}
