// Seats that several threads take and give back at once.

import Dispatch
import Synchronization
import Testing

@testable import HTTP

@Suite struct SeatCountTests {
    @Test func `there are as many seats as the limit says`() {
        let seats = SeatCount(limit: 2)
        #expect(seats.take() && seats.take())
        #expect(!seats.take() && seats.count == 2)
        seats.giveBack()
        #expect(seats.count == 1 && seats.take() && !seats.take())
        #expect(!SeatCount(limit: 0).take())
    }

    @Test func `threads that take at once get exactly what there is`() {
        let seats = SeatCount(limit: 1_000)
        let taken = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<500 where seats.take() { taken.wrappingAdd(1, ordering: .relaxed) }
        }
        #expect(taken.load(ordering: .relaxed) == 1_000 && seats.count == 1_000)
    }

    @Test func `whoever is never one too many is never refused`() {
        // Four threads and as many seats: a count that overshoots for a moment would refuse one.
        let seats = SeatCount(limit: 4)
        let refused = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<20_000 {
                if seats.take() {
                    seats.giveBack()
                } else {
                    refused.wrappingAdd(1, ordering: .relaxed)
                }
            }
        }
        #expect(refused.load(ordering: .relaxed) == 0 && seats.count == 0)
    }
}
