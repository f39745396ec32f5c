// How streams get their events: each in order and once, a small company before the crowd, and what
// comes while a group rests together.

import Bytes
import Foundation
import Notifier
import Testing

@testable import Gateway
@testable import HTTP

// One after the other: they have many descriptors.
@Suite(.serialized) struct SubscriptionTableTests {
    private static let perTurn = SubscriptionTable.streamsPerTurn

    @Test func `a small company does not wait for the crowd`() throws {
        let stage = try DeliveryStage()
        let crowd = try (0..<Self.perTurn * 3).map { _ in try stage.open("crowd.*") }
        let few = try stage.open("few")
        stage.emit("crowd.x")
        stage.turn()
        func served() -> Int {
            for reader in crowd { reader.read() }
            return crowd.count { !$0.numbers.isEmpty }
        }
        #expect(served() == Self.perTurn)
        // In the middle of the crowd's round.
        let number = stage.emit("few")
        stage.turn()
        few.read()
        #expect(few.numbers == [number])
        #expect((1..<crowd.count).contains(served()))
        stage.settle()
        #expect(served() == crowd.count && few.numbers == [number])
    }

    @Test func `streams with compressors count for more`() throws {
        let stage = try DeliveryStage()
        let count = Self.perTurn / SubscriptionTable.compressedWeight
        let crowd = try (0..<count * 2).map { _ in try stage.open("**", isCompressed: true) }
        stage.emit("a")
        stage.turn()
        for reader in crowd { reader.read() }
        #expect(crowd.count { !$0.numbers.isEmpty } == count)
        stage.settle()
        #expect(crowd.allSatisfy { $0.numbers == [1] })
    }

    @Test func `after its round a group rests as long as it took, and events gather`() throws {
        let stage = try DeliveryStage()
        let crowd = try (0..<Self.perTurn * 2).map { _ in try stage.open("**") }
        stage.emit("a")
        stage.turn()
        stage.clock.advance(by: .milliseconds(3))
        stage.turn()
        let rounds = stage.table.roundCount
        stage.emit("b")
        stage.clock.advance(by: .milliseconds(1))
        stage.turn()
        stage.emit("c")
        stage.turn()
        #expect(stage.table.roundCount == rounds)
        stage.clock.advance(by: .milliseconds(2))
        stage.turn()
        stage.turn()
        #expect(stage.table.roundCount == rounds + 1)
        stage.settle()
        #expect(crowd.allSatisfy { $0.numbers == [1, 2, 3] })
    }

    @Test func `what waits is bounded, whatever the groups do`() throws {
        let stage = try DeliveryStage()
        let crowd = try (0..<Self.perTurn * 2).map { _ in try stage.open("**") }
        for _ in 0..<50 {
            stage.emit("a", byteCount: 9000)
            #expect(stage.table.queue.byteCount < EventQueue.byteLimit)
            stage.turn()
            for reader in crowd { reader.read() }
        }
        stage.settle()
        #expect(crowd.allSatisfy { $0.numbers == Array(1...50) })
        #expect(stage.table.cutCount == 0)
    }

    @Test func `a group that ends in the middle of its round holds nothing`() throws {
        let stage = try DeliveryStage()
        let crowd = try (0..<Self.perTurn * 2).map { _ in try stage.open("crowd") }
        stage.emit("crowd")
        stage.turn()
        stage.emit("crowd")
        for reader in crowd { reader.close() }
        while stage.table.count > 0 { stage.turn() }
        #expect(stage.table.queue.isEmpty && stage.table.patternCount == 0)
    }

    @Test func `a long poll is answered with all that waited for it`() throws {
        let stage = try DeliveryStage()
        let poll = try stage.open("a", .array)
        stage.emit("a")
        stage.emit("b")
        stage.emit("a")
        stage.settle()
        #expect(poll.numbers == [1, 3] && stage.table.count == 0)
        #expect(
            String(decoding: poll.received, as: UTF8.self).contains("Last-Event-ID: k3f9abcd-3"))
    }

    /// Random programs: whoever comes and goes, in whatever groups, gets what comes after its
    /// beginning, in order and once.
    @Test(arguments: 0..<12)
    func `every stream gets what it asks for, in order and once`(seed: Int) throws {
        var dice = Dice(state: UInt64(seed))
        let stage = try DeliveryStage()
        let names = ["a.x", "a.y", "b.x", "c"]
        let wishes = ["**", "a.*", "a.x", "b.*", "c"]
        var emitted: [(name: String, number: UInt64)] = []
        var open: [StreamReader] = []
        var all: [StreamReader] = []
        for _ in 0..<250 {
            switch Int.random(in: 0..<20, using: &dice) {
            case 0..<4 where open.count < 200:
                for _ in 0..<Int.random(in: 1...40, using: &dice) {
                    // What a replay has brought before the loop heard of it.
                    let ahead = UInt64(Int.random(in: 0...3, using: &dice))
                    let reader = try stage.open(
                        try #require(wishes.randomElement(using: &dice)),
                        Bool.random(using: &dice) ? .named : .lines,
                        isCompressed: Int.random(in: 0..<20, using: &dice) == 0,
                        position: UInt64(emitted.count) + ahead)
                    open.append(reader)
                    all.append(reader)
                }
            case 0..<6:
                for _ in 0..<Int.random(in: 0...open.count, using: &dice) {
                    guard Int.random(in: 0..<3, using: &dice) == 0, !open.isEmpty else { continue }
                    let reader = open.remove(at: Int.random(in: 0..<open.count, using: &dice))
                    reader.read()
                    reader.close()
                }
            case 6..<12:
                let name = try #require(names.randomElement(using: &dice))
                emitted.append(
                    (name, stage.emit(name, byteCount: Int.random(in: 1...900, using: &dice))))
            case 12: stage.clock.advance(by: .milliseconds(Int.random(in: 0...5, using: &dice)))
            default:
                stage.turn()
                for reader in open where Bool.random(using: &dice) { reader.read() }
            }
        }
        stage.settle()
        #expect(stage.table.queue.isEmpty && stage.table.count == open.count)
        #expect(stage.table.cutCount == 0)
        for reader in all {
            let wanted = emitted.filter { event in
                event.number > reader.position
                    && Array(event.name.utf8).withUnsafeBytes { reader.filter.matches($0) }
            }
            let isOpen = open.contains { $0 === reader }
            let numbers = reader.numbers
            #expect(
                numbers
                    == wanted.map(\.number).prefix(isOpen ? wanted.count : numbers.count)
                    .map { $0 })
        }
        #expect(!emitted.isEmpty && all.count > 20)
    }
}
