// Sources and reactions of a running gateway: what is sent to a socket comes out of a stream.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct SourceTests {
        @Test func `a line becomes a signal, the signal a call, the result a signal`() throws {
            let port = try FreePort.take(1)[0]
            let configuration = Configuration(
                modules: [], hasTick: false,
                more: """
                    sources: { feed: { tcp: '127.0.0.1:\(port)', signal: 'feed.item', framing: 'json' } },
                    reactions: {
                        ask: { on: { signal: 'feed.*' }, call: { module: 'echo', command: 'echo' }, result: 'echo.said' },
                        round: { on: { signal: 'echo.said' }, emit: { signal: 'feed.again' } },
                    },
                    """
            )
            let text = { (http: Int, https: Int) in
                configuration.text(httpPort: http, httpsPort: https)
                    .replacing("modules: {", with: "modules: { echo: { builtin: 'echo' },")
            }
            let server = try Server { text($0, $1) }
            let stream = try StreamReader(server.http("/v1/events?signal=**"))
            let connection = try RawConnection(port: port)
            try connection.send("{\"n\": 1}\nnonsense\n")
            let said = try stream.events(of: "echo.said", count: 4)
            #expect(said.allSatisfy { $0.data == #"{"n":1}"# })
            // feed.item, then echo.said and feed.again in turn: the eighth is not reacted to.
            _ = try stream.events(of: "signalbox.reaction.cut", count: 1)
            #expect(stream.log.events(of: "feed.again").count == 4)
            let metrics = try curl(server.http("/metrics")).body
            #expect(metrics.contains(#"signalbox_source_signals_total{source="feed"} 1"#))
            #expect(
                metrics.contains(
                    #"signalbox_source_dropped_total{source="feed",reason="malformed"} 1"#))
            let source = try curl(server.http("/v1/sources/feed"))
            #expect(
                source.body.hasPrefix(
                    #"{"name":"feed","kind":"tcp","address":"127.0.0.1:\#(port)","signal":"feed.item","#
                        + #""framing":"json","state":"listening","received":2,"emitted":1,"#
                        + #""dropped":{"rate":0,"too_long":0,"malformed":1,"#))
            #expect(source.body.contains(#""connections":1,"refused_connections":0}"#))
            let list = try curl(server.http("/v1/sources"))
            #expect(list.body == "{\"sources\":[\(source.body.dropLast())]}\n")
            #expect(
                try curl(server.http("/v1/sources/x")).expectProblem(404).code == "unknown_source")
            let reaction = try curl(server.http("/v1/reactions/ask")).body
            #expect(reaction.contains(#""on":"feed.*","call":"echo.echo","result":"echo.said""#))
            #expect(reaction.contains(#""runs":4,"failures":0,"#))
            #expect(try curl(server.http("/v1/reactions")).body.contains(#""name":"round""#))
            #expect(try curl("--head", server.http("/v1/reactions/x")).status == 404)
            try server.stop()
        }

        @Test func `a file that is not there yet is waited for, and that is shown`() throws {
            let folder = try TemporaryFolder()
            let more = "sources: { log: { file: '\(folder.path)/log', signal: 'log.line' } },"
            try Server.run(Configuration(modules: [], hasTick: false, more: more)) { server in
                func state() throws -> String? {
                    try jsonObject(try curl(server.http("/v1/sources/log")).body)?["state"]
                        as? String
                }
                #expect(try state() == "waiting")
                _ = try folder.write("one\n", to: "log")
                try waitUntil("the file to be read") { try state() == "reading" }
            }
        }
    }
}
