// Filters: patterns of names, and conditions on the data.

import Bytes
import Testing

@testable import Gateway

@Suite struct SignalFilterTests {
    @Test func `a filter wants what any pattern names and every condition admits`() throws {
        let filter = SignalFilter(
            try ["host.*", "demo.tick"].map { try #require(SignalPattern($0)) },
            where: try ["/a:1", "/b:2"].map { try #require(SignalCondition($0)) })
        func wants(_ name: String, _ data: String) -> Bool {
            filter.wants(
                SignalEvent(
                    sequence: 1, name: Payload(Array(name.utf8)), data: Payload(Array(data.utf8)),
                    wallNanos: 0))
        }
        #expect(wants("host.x", #"{"a":1,"b":2}"#) && wants("demo.tick", #"{"b":2,"a":1}"#))
        #expect(!wants("host.x", #"{"a":1,"b":3}"#) && !wants("demo.tock", #"{"a":1,"b":2}"#))
    }

    @Test func `equal wishes are equal, however they are written`() throws {
        let one = try ["a", "b.*", "a"].map { try #require(SignalPattern($0)) }
        let other = try ["b.*", "a"].map { try #require(SignalPattern($0)) }
        #expect(SignalFilter(one) == SignalFilter(other))
        #expect(!SignalFilter(one).isExact && SignalFilter([one[0]]).isExact)
        let condition = try #require(SignalCondition("/x:1"))
        #expect(SignalFilter(one) != SignalFilter(other, where: [condition]))
    }
}
