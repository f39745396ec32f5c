// Filters: patterns of names, and conditions on the data.

import Bytes
import Testing

@testable import Gateway

@Suite struct SignalFilterTests {
    private func holds(_ condition: String, _ data: String) -> Bool? {
        SignalCondition(condition).map { condition in
            Array(data.utf8).withUnsafeBytes { condition.holds($0) }
        }
    }

    @Test(
        "a condition compares the value at one place",
        arguments: [
            ("/mount:/", #"{"mount":"/"}"#, true), ("/mount:/", #"{"mount":"/var"}"#, false),
            ("/free:0", #"{"free":0}"#, true), ("/free:0", #"{"free":"0"}"#, true),
            ("/free:\"0\"", #"{"free":0}"#, false), ("/free:\"0\"", #"{"free":"0"}"#, true),
            ("/ok:true", #"{"ok":true}"#, true), ("/ok:null", #"{"ok":null}"#, true),
            ("/ok:null", "{}", false), ("/a/1/b:x", #"{"a":[0,{"b":"x"}]}"#, true),
            ("/t:a:b", #"{"t":"a:b"}"#, true), ("/t:ü", #"{"t":"\u00fc"}"#, true),
            (":5", "5", true), ("/t:", #"{"t":""}"#, true), ("/x~1y:1", #"{"x/y":1}"#, true),
            ("/t:x", "[1,2]", false), ("/t:x", "", false), ("/o:{}", #"{"o":{}}"#, true),
        ])
    func conditions(_ condition: String, _ data: String, _ expected: Bool) {
        #expect(holds(condition, data) == expected)
    }

    @Test(arguments: ["", "mount", "mount:/", "/~2:x", "/a:\"x", "/a:\""])
    func `what is no condition is refused`(_ text: String) {
        #expect(SignalCondition(text) == nil)
    }

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
