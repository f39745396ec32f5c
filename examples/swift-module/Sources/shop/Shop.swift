// A gateway with two modules written in Swift: `shop`, an async one with Codable types, and `dice`,
// a callback one. The optional argument is a configuration file for everything else.

import Gateway
import Notifier

struct Order: Codable {
    var item: String
    var count: Int
}

struct Price: Codable {
    var item: String
    var total: Double
}

struct Brewing: Codable {
    var done: Int
    var of: Int
}

let prices = ["tea": 2.5, "milk": 0.9]

let shop = CodableModule([
    CodableCommand("price", summary: "What an order costs.") { (order: Order, _) in
        guard let price = prices[order.item] else {
            throw CallError(404, "We do not sell \(order.item).", data: prices.keys.sorted())
        }
        return Price(item: order.item, total: price * Double(order.count))
    },
    CodableCommand("brew", summary: "Takes its time; leaving cancels it.") {
        (order: Order, call) in
        let cups = max(order.count, 1)
        for done in 1...cups {
            // A timer of the loop: it keeps no thread waiting.
            try await call.executor.sleep(for: .milliseconds(200))
            call.report(Brewing(done: done, of: cups))
        }
        return "\(order.item) for \(call.client ?? "somebody")"
    },
])

struct Dice: Module {
    let commands = ["roll"]

    func call(_ call: Call, reply: Reply) {
        reply.result(Array("\(Int.random(in: 1...6))".utf8))
    }
}

@main struct Main {
    static func main() throws {
        let file = CommandLine.arguments.dropFirst().first
        let settings =
            try file.map { try Settings.load(file: $0, environment: Environment.all) } ?? Settings()
        try Gateway(settings, modules: ["shop": shop, "dice": Dice()]).run { report in
            print("listening on", report.urls.joined(separator: " "))
        }
    }
}
