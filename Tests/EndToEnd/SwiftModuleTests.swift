// The example of a program that embeds the gateway, with its async and its callback module.

import Foundation
import Testing

/// The embedding program on a free port.
private final class Shop {
    let program: Program
    let port: Int
    private let folder: TemporaryFolder

    init() throws {
        port = try FreePort.take(1)[0]
        folder = try TemporaryFolder()
        let file = try folder.write(
            """
            { listeners: [{ url: 'http://localhost:\(port)' }], loops: 1,
              limits: { call_timeout: '1s', drain_timeout: '1s' } }
            """, to: "shop.json5")
        program = try Program([Checkout.built("shop"), file])
        try waitUntil("the shop: \(program.errors)") {
            try curl(url("/readyz")).status == 200
        }
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    /// Calls a command of the module `shop`.
    func call(_ command: String, _ params: String, _ more: String...) throws -> CurlAnswer {
        try curl(more + ["--data", params, url("/v1/modules/shop/\(command)")])
    }

    func stop() throws {
        program.send(SIGTERM)
        #expect(try program.wait() == .exited(0), "\(program.errors)")
    }
}

/// The faults of a 422.
private struct Faults: Decodable {
    struct Fault: Decodable, Equatable {
        var pointer: String
        var detail: String
    }
    var errors: [Fault]
}

extension EndToEnd {
    @Suite struct SwiftModuleTests {
        @Test func `an async module takes and gives Codable values`() throws {
            let shop = try Shop()
            let price = try shop.call("price", #"{"item":"tea","count":3}"#)
            #expect(price.status == 200 && price.body == #"{"item":"tea","total":7.5}"#)
            let roll = try curl("--data", "", shop.url("/v1/modules/dice/roll"))
            #expect((1...6).contains(Int(roll.body) ?? 0))
            let modules = try curl(shop.url("/v1/modules")).body
            #expect(modules.contains(#""summary""#) == false)
            #expect(modules.contains("What an order costs."))

            let unknown = try shop.call("price", #"{"item":"ink","count":1}"#)
            let problem = try unknown.expectProblem(404)
            #expect(problem.detail?.contains("We do not sell ink.") == true)
            #expect(unknown.body.contains(#""data":["milk","tea"]"#))
            try shop.stop()
        }

        @Test func `params that cannot be decoded are 422 with a pointer`() throws {
            let cases = [
                (#"{"item":"tea"}"#, "/count", "is missing"),
                (#"{"item":1,"count":1}"#, "/item", "must be a string"),
                (#"{"item":null,"count":1}"#, "/item", "must be a string, not null"),
                (#"{"item":"tea","count":"3"}"#, "/count", "must be an integer"),
                (#"[]"#, "", "must be an object"), (#"7"#, "", "must be an object"),
            ]
            let shop = try Shop()
            for (params, pointer, message) in cases {
                let answer = try shop.call("price", params)
                _ = try answer.expectProblem(422)
                let faults = try answer.decode(Faults.self).errors
                #expect(faults == [.init(pointer: pointer, detail: message)])
            }
            try shop.stop()
        }

        @Test func `a Swift module reports how a call is getting on`() throws {
            let shop = try Shop()
            let order = #"{"item":"tea","count":3}"#
            let watched = try shop.call("brew", order, "--header", "Accept: application/x-ndjson")
            #expect(
                watched.body == """
                    {"progress":{"done":1,"of":3}}
                    {"progress":{"done":2,"of":3}}
                    {"progress":{"done":3,"of":3}}
                    {"result":"tea for 127.0.0.1"}

                    """)
            let plain = try shop.call("brew", order)
            #expect(plain.body == #""tea for 127.0.0.1""#)
            let job = try shop.call("brew", order, "--header", "Prefer: respond-async")
            let place = try #require(job.fields["location"])
            try waitUntil("the job to be done") {
                try jsonObject(try curl(shop.url(place)).body)?["state"] as? String == "done"
            }
            let told = try #require(try jsonObject(try curl(shop.url(place)).body))
            #expect(told["progress"] as? [String: Int] == ["done": 3, "of": 3])
            try shop.stop()
        }

        @Test func `tasks that wait hold up nobody, and end with their caller or the deadline`()
            throws
        {
            let shop = try Shop()
            let order = #"{"item":"tea","count":1}"#
            let slow = try (1...20).map { _ in
                try Program([
                    "curl", "--silent", "--data", order, shop.url("/v1/modules/shop/brew"),
                ])
            }
            #expect(try shop.call("price", order).status == 200)
            for program in slow {
                try program.wait()
                #expect(program.output == #""tea for 127.0.0.1""#)
            }
            let late = try shop.call("brew", #"{"item":"tea","count":1000}"#)
            #expect(try late.expectProblem(504).code == "timed_out")
            let left = try Command.run([
                "curl", "--silent", "--max-time", "0.3", "--data",
                #"{"item":"tea","count":1000}"#, shop.url("/v1/modules/shop/brew"),
            ])
            #expect(left.status == 28)
            // Tasks that were not cancelled would keep the loops from ending.
            try shop.stop()
        }
    }
}
