// The event stream in a real browser: Chromium's own EventSource, and its own way to reconnect.

import Foundation
import Testing

extension EndToEnd {
    @Suite struct BrowserTests {
        @Test(arguments: ["http", "https"])
        func `EventSource reconnects, loses nothing and sees nothing twice`(
            scheme: String
        ) throws {
            try Server.run(Configuration(hasTick: false)) { server in
                let page = scheme == "http" ? server.http("/livez") : server.https("/livez")
                let browser = try Command.run(
                    [
                        "python3", Checkout.root + "/Tests/EndToEnd/browser/eventsource.py",
                        "\(server.httpPort)", page,
                    ],
                    within: .seconds(120))
                #expect(browser.status == 0, "\(browser.output)\(browser.errors)")
                let result = try #require(try jsonObject(browser.output))
                #expect(result["lost"] as? [Int] == [])
                #expect(result["doubled"] as? Int == 0)
                #expect(result["connections"] as? Int == 5)
            }
        }

        @Test func `three tabs share one stream, and outlive the one that reads it`() throws {
            let latest = Configuration(
                modules: [], hasTick: false,
                more: "signals: { retry: '200ms', 'state.now': { latest: true } },")
            try Server.run(latest) { server in
                let browser = try Command.run(
                    [
                        "python3", Checkout.root + "/Tests/EndToEnd/browser/tabs.py",
                        "\(server.httpPort)", server.https("/livez"),
                    ],
                    within: .seconds(120))
                #expect(browser.status == 0, "\(browser.output)\(browser.errors)")
            }
        }

        @Test func `listeners are told what they lose, and give back what they do not want`() throws
        {
            let latest = Configuration(
                modules: [], hasTick: false,
                more: """
                    signals: {
                        retry: '200ms', 'gap.*': { events: 5 }, 'state.*': { latest: true },
                    },
                    """)
            try Server.run(latest) { server in
                try Server.run(latest) { other in
                    let browser = try Command.run(
                        [
                            "python3", Checkout.root + "/Tests/EndToEnd/browser/shared.py",
                            "\(server.httpPort)", "\(other.httpPort)",
                        ],
                        within: .seconds(120))
                    #expect(browser.status == 0, "\(browser.output)\(browser.errors)")
                }
            }
        }

        @Test func `the browsers' script is small, and asked for by its tag`() throws {
            try Server.run(Configuration(modules: [], hasTick: false)) { server in
                let whole = try curl(server.http("/signalbox.js"))
                #expect(whole.status == 200 && whole.body.utf8.count < 3072)
                #expect(whole.body.contains("export function listen("))
                let tag = try #require(whole.fields["etag"])
                let again = try curl(
                    "--header", "If-None-Match: \(tag)", server.http("/signalbox.js"))
                #expect(again.status == 304 && again.body.isEmpty)
            }
        }

        @Test func `an answer that nothing has changed tells no length of nothing`() throws {
            try Server.run(Configuration(modules: [], hasTick: false)) { server in
                for condition in ["*", "\"x\", TAG", "W/TAG"] {
                    let tag = try #require(try curl(server.http("/signalbox.js")).fields["etag"])
                    // The tag is that of the compressed script as well, so it is a weak one.
                    #expect(tag.hasPrefix("W/\""))
                    let text = condition.replacing("TAG", with: tag.dropFirst(2))
                    let again = try curl(
                        "--header", "If-None-Match: \(text)", server.http("/signalbox.js"))
                    #expect(again.status == 304)
                    #expect(again.fields["content-length"] == nil)
                    #expect(again.fields["vary"] == "Accept-Encoding")
                }
            }
        }
    }
}
