// The gateway under test: the built executable, on free ports, with a configuration of its own.

import Foundation
import Testing

/// The running gateway.
///
/// Confined to the test that started it.
final class Server {
    let program: Program
    let httpPort: Int
    let httpsPort: Int
    private let readyPort: Int
    private let folder: TemporaryFolder

    /// Starts the gateway and waits until `/readyz` says 200.
    ///
    /// - Parameters:
    ///   - folder: where to write the configuration; a new folder unless given.
    ///   - name: the configuration's path in that folder.
    ///   - readyPort: the plain port to ask whether it is ready; the first of the two unless given.
    ///   - configuration: makes its text from the two ports.
    init(
        in folder: TemporaryFolder? = nil, _ name: String = "signalbox.json5",
        readyOn readyPort: Int? = nil,
        _ configuration: (_ httpPort: Int, _ httpsPort: Int) throws -> String
    ) throws {
        let ports = try FreePort.take(2)
        httpPort = ports[0]
        httpsPort = ports[1]
        self.readyPort = readyPort ?? ports[0]
        self.folder = try folder ?? TemporaryFolder()
        let file = try self.folder.write(configuration(httpPort, httpsPort), to: name)
        program = try Program([Checkout.signalbox, "serve", "--config", file])
        try waitUntilReady()
    }

    /// Starts `signalbox` with other arguments; they must make it listen on the given ports.
    init(arguments: (_ httpPort: Int, _ httpsPort: Int) -> [String]) throws {
        let ports = try FreePort.take(2)
        httpPort = ports[0]
        httpsPort = ports[1]
        readyPort = ports[0]
        folder = try TemporaryFolder()
        program = try Program([Checkout.signalbox] + arguments(httpPort, httpsPort))
        try waitUntilReady()
    }

    /// Runs `body` against a gateway with the given configuration, then stops it and checks that
    /// it left in good order.
    static func run(
        _ configuration: Configuration = Configuration(), _ body: (Server) throws -> Void
    ) throws {
        let server = try Server { configuration.text(httpPort: $0, httpsPort: $1) }
        do {
            try body(server)
        } catch {
            Issue.record("the gateway wrote:\n\(server.program.errors)")
            throw error
        }
        try server.stop()
    }

    /// The URL of a path on the plain listener.
    func http(_ path: String) -> String { "http://localhost:\(httpPort)\(path)" }

    /// The URL of a path on the TLS listener.
    func https(_ path: String) -> String { "https://localhost:\(httpsPort)\(path)" }

    /// The processes that the gateway has started and that run now.
    var children: [ProcessIdentity] { ProcessTable.children(of: program.pid) }

    /// The one child that runs.
    ///
    /// - Throws: `TestError` when there is none, or more than one.
    func onlyChild() throws -> ProcessIdentity {
        try waitFor("one child of the gateway, not \(children)") {
            children.count == 1 ? children.first : nil
        }
    }

    /// Asks the gateway to leave; expects exit code 0 and no child left behind.
    func stop(by signal: Int32 = SIGTERM) throws {
        let children = children
        program.send(signal)
        let termination = try program.wait(within: .seconds(15))
        #expect(termination == .exited(0), "the gateway wrote:\n\(program.errors)")
        try waitUntil("no child left of \(children)", within: .seconds(1)) {
            children.allSatisfy { !$0.isRunning }
        }
    }

    private func waitUntilReady() throws {
        try waitUntil(
            "the gateway to be ready\n\(program.output)\n\(program.errors)", within: .seconds(15)
        ) {
            guard program.ended == nil else {
                throw TestError(
                    description: "the gateway ended: \(program.output)\n\(program.errors)")
            }
            return try answersReady()
        }
    }

    private func answersReady() throws -> Bool {
        guard let connection = try? RawConnection(port: readyPort) else { return false }
        try connection.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        try connection.readToEnd()
        return connection.text.hasPrefix("HTTP/1.1 200 ")
    }
}
