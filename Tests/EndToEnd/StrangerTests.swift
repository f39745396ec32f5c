// Programs of others, served unchanged through configuration alone: an MCP server, which speaks in
// lines, and a language server, which frames its messages by Content-Length. They come from PyPI
// into .build-venv; where that cannot be reached, the tests say so and are skipped.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct StrangerTests {
        /// The folder with the programs, or nil if they cannot be had.
        static let programs: String? = {
            let requirements = Checkout.root + "/Tests/EndToEnd/strangers/requirements.txt"
            let place = Checkout.root + "/.build-venv"
            // The copy that was made last, so that a half-made one is never used.
            let script = """
                set -e
                cmp -s "$1" "$2/made-of" && exit 0
                rm -rf "$2"
                python3 -m venv "$2"
                "$2/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 10 \
                    -r "$1"
                cp "$1" "$2/made-of"
                """
            let command = try? Command.run(
                ["sh", "-c", script, "sh", requirements, place], within: .seconds(180))
            guard command?.status == 0 else {
                print("StrangerTests are skipped: pip cannot install \(requirements):")
                print(command?.errors ?? "it took too long")
                return nil
            }
            return place + "/bin"
        }()

        static var arePresent: Bool { programs != nil }

        private func run(_ module: String, _ body: (Server) throws -> Void) throws {
            let server = try Server { httpPort, _ in
                "{ listeners: [{ url: 'http://127.0.0.1:\(httpPort)' }], modules: { \(module) } }"
            }
            do {
                try body(server)
            } catch {
                Issue.record("the gateway wrote:\n\(server.program.errors)")
                throw error
            }
            try server.stop()
        }

        @Test(.enabled(if: arePresent, "PyPI cannot be reached"))
        func `an MCP server tells the time over HTTP`() throws {
            let programs = try #require(Self.programs)
            let module = """
                time: {
                    command: ['\(programs)/mcp-server-time', '--local-timezone=UTC'],
                    handshake: [
                        { call: 'initialize', params: {
                            protocolVersion: '2025-06-18', capabilities: {},
                            clientInfo: { name: 'signalbox', version: '1' },
                        } },
                        { notify: 'notifications/initialized' },
                    ],
                    commands: {
                        tools: { method: 'tools/list', safe: true }, use: { method: 'tools/call' },
                    },
                },
                """
            try run(module) { server in
                let tools = try curl(server.http("/v1/modules/time/tools"), within: .seconds(60))
                #expect(tools.status == 200 && tools.body.contains("convert_time"), "\(tools.body)")
                let use = try curl(
                    "--data",
                    """
                    {"name":"convert_time","arguments":{"source_timezone":"UTC","time":"12:00",
                     "target_timezone":"Asia/Kolkata"}}
                    """, server.http("/v1/modules/time/use"))
                #expect(use.status == 200 && use.body.contains("T17:30:00+05:30"), "\(use.body)")
                let rpc = try curl(
                    "--data", #"{"jsonrpc":"2.0","id":"x","method":"time.tools"}"#,
                    server.http("/v1/rpc"))
                #expect(rpc.body.hasPrefix(#"{"jsonrpc":"2.0","id":"x","result":{"tools":["#))
            }
        }

        @Test(.enabled(if: arePresent, "PyPI cannot be reached"))
        func `a language server explains Python over HTTP`() throws {
            let programs = try #require(Self.programs)
            let module = """
                lsp: {
                    command: ['\(programs)/pylsp'], framing: 'content-length',
                    handshake: [
                        { call: 'initialize', params: {
                            processId: null, rootUri: null, capabilities: {},
                        } },
                        { notify: 'initialized' },
                    ],
                    commands: {
                        open: { method: 'textDocument/didOpen', notification: true },
                        hover: { method: 'textDocument/hover' },
                    },
                    notifications: { 'textDocument/publishDiagnostics': 'lsp.diagnostics' },
                },
                """
            try run(module) { server in
                let stream = try StreamReader(server.http("/v1/events?signal=lsp.*"))
                let opened = try curl(
                    "--data",
                    """
                    {"textDocument":{"uri":"file:///x.py","languageId":"python","version":1,
                     "text":"import math\\nmath.sqrt(4)\\n"}}
                    """, server.http("/v1/modules/lsp/open"), within: .seconds(60))
                #expect(opened.status == 200 && opened.body == "null", "\(opened.body)")
                let hover = try curl(
                    "--data",
                    #"{"textDocument":{"uri":"file:///x.py"},"position":{"line":1,"character":6}}"#,
                    server.http("/v1/modules/lsp/hover"), within: .seconds(60))
                #expect(hover.body.contains("Return the square root of x."), "\(hover.body)")
                let event = try #require(
                    try stream.events(of: "lsp.diagnostics", count: 1, within: .seconds(30)).first)
                #expect(try jsonObject(event.data)?["diagnostics"] is [Any])
            }
        }
    }
}
