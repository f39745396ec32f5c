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
}
