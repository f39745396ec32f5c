// What is wrong with timers, sources and reactions of a configuration, said with key path and line.

import Testing

@testable import Gateway

struct SettingsTimerFaultTests {
    @Test(arguments: [
        BadConfiguration(
            "{ timers: { t: { every: '1s', jitter: '2s', emit: { signal: 'a' } } } }",
            "f:1: timers.t.jitter: must be at most 1s, the shortest time between two firings"),
        BadConfiguration(
            "{ timers: { t: { cron: '0,10 * * * *', jitter: '1h', emit: { signal: 'a' } } } }",
            "f:1: timers.t.jitter: must be at most 10m, the shortest time between two firings"),
        BadConfiguration("{ timers: { t: { every: '1s', jitter: '1s', emit: { signal: 'a' } } } }"),
    ])
    func `a timer whose jitter exceeds its interval is refused`(_ bad: BadConfiguration) {
        #expect(complaints(bad.text) == bad.lines)
    }

    private static func reaction(_ members: String) -> String {
        "{ reactions: { r: { on: { signal: 'a' }, \(members) } } }"
    }

    @Test(arguments: [
        BadConfiguration(reaction("exec: ['/bin/page']")),
        BadConfiguration(
            reaction("exec: []"),
            #"f:1: reactions.r.exec: there is no program in it; write ["PROGRAM", "ARGUMENT"]"#),
        BadConfiguration(
            reaction("exec: ['x', '{mount}']"),
            "f:1: reactions.r.exec: no event has {mount} for an argument; "
                + "there are {id}, {source}, {time} and {type}; the rest is on its stdin"),
        BadConfiguration(
            reaction("exec: ['x'], emit: { signal: 'b' }"),
            "f:1: reactions.r.exec: emit and exec exclude each other; "
                + "keep one of emit, call or exec"),
        BadConfiguration(
            reaction("exec: ['x'], output: 'text'"),
            #"f:1: reactions.r.output: nobody gets the output; add result: "SIGNAL""#),
        BadConfiguration(
            reaction("emit: { signal: 'b' }, result: 'c'"),
            "f:1: reactions.r.result: what is emitted has no result; remove it"),
        BadConfiguration(
            reaction("exec: ['x'], in_flight: 3"),
            #"f:1: reactions.r.in_flight: one runs at a time; add overlap: "parallel""#),
    ])
    func `a reaction with a program is judged before it runs`(_ bad: BadConfiguration) {
        #expect(complaints(bad.text) == bad.lines)
    }
}
