// Readiness of descriptors, awaited by tasks.

import Glibc
import Testing

@testable import Notifier

@Suite(.timeLimit(.minutes(1)))
struct AsyncReadinessTests {
    @Test func `a task waits for a descriptor, which is watched only meanwhile`() throws {
        let stage = try AsyncStage()
        let pair = try SocketPair()
        let near = pair.near.number
        let outcome = stage.start { try await $0.readiness(of: near, .read) }.outcome
        #expect(stage.turn { stage.loop.watchCount == 1 })
        send("x", to: pair.far.number)
        #expect(stage.turn { outcome.value != nil })
        #expect(try outcome.value?.get() == .read)
        #expect(stage.loop.watchCount == 0)
        // Ready and unread, but nobody waits: the loop is at rest.
        #expect(stage.loop.turns(within: .milliseconds(30)) <= 2)
    }

    @Test func `a cancelled wait is removed before the task goes on`() throws {
        let stage = try AsyncStage()
        let pair = try SocketPair()
        let near = pair.near.number
        let (task, outcome) = stage.start { try await $0.readiness(of: near, .read) }
        #expect(stage.turn { stage.loop.watchCount == 1 })
        task.cancel()
        #expect(stage.turn { outcome.value != nil })
        #expect(try outcome.value?.get() == .some(nil))
        #expect(stage.loop.watchCount == 0)
    }

    @Test func `a descriptor that cannot be watched is an error`() throws {
        let stage = try AsyncStage()
        #expect(throws: SystemError.self) {
            try stage.perform { _ = try await $0.readiness(of: -1, .read) }
        }
    }

    @Test func `a sequence tells readiness until the end of the stream`() throws {
        let stage = try AsyncStage()
        let pair = try SocketPair()
        let number = pair.near.number
        let text = Shared("")
        let outcome = stage.start { handle in
            for try await _ in handle.readinesses(of: number, .read) {
                // One byte at a time: the end must not hide what is left.
                var byte: UInt8 = 0
                if read(number, &byte, 1) == 1 {
                    text.change { $0.append(Character(Unicode.Scalar(byte))) }
                }
            }
        }.outcome
        send("ab", to: pair.far.number)
        #expect(stage.turn { text.value == "ab" })
        send("cde", to: pair.far.number)
        shutdown(pair.far.number, Int32(SHUT_WR))
        #expect(stage.turn { outcome.value != nil })
        #expect(text.value == "abcde")
        #expect(stage.loop.watchCount == 0)
    }
}
