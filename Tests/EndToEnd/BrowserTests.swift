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
    }
}
