// Property: whatever the order in which loops get their mail, streams come and go, events are evicted
// by number, bytes and age, batches reach the disk or do not, and the gateway starts again: what a
// stream has seen is what was published, in order and once, and what it has not seen is told by gap
// notices to the signal and the event. A new stream begins with the latest values. What is not
// durable waits for nobody, and what is durable survives.
//
// The hub, its history and the rounds are the real ones; the loops are mailboxes that are emptied in
// random order, the streams cursors as SubscriptionTable moves them, the disk is two dictionaries.

import Bytes
import Foundation
import Testing

@testable import Gateway

@Suite struct SignalDeliveryTests {
    /// Random programs in all; more of them by `SIGNALBOX_HUB_PROGRAMS`.
    private static let programs =
        ProcessInfo.processInfo.environment["SIGNALBOX_HUB_PROGRAMS"].flatMap(Int.init) ?? 3_000

    private static func run(_ seed: Int, _ sabotage: HubSabotage? = nil) -> HubWorld {
        let world = HubWorld(seed: UInt64(seed), sabotage)
        for _ in 0..<(50 + seed % 5 * 50) { world.step() }
        world.settle()
        return world
    }

    @Test(arguments: 0..<10)
    func `every stream gets everything once, or is told`(part: Int) {
        var restarts = 0
        var events = 0
        for seed in stride(from: part, to: Self.programs, by: 10) {
            let world = Self.run(seed)
            restarts += world.floors.count
            events += world.emitted.count
            // The seed is all it takes to see it again.
            if let fault = world.fault { Issue.record("seed \(seed): \(fault)") }
        }
        #expect(restarts > 0 && events > Self.programs)
    }

    @Test(arguments: HubSabotage.allCases)
    func `what is broken on purpose is noticed`(sabotage: HubSabotage) {
        #expect((0..<300).contains { Self.run($0, sabotage).fault != nil })
    }
}
