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
            try server.stop()
        }
    }
}
