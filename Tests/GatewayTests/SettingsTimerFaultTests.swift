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

    private static func source(_ address: String) -> String {
        "{ sources: { s: { udp: '\(address)', signal: 'a' } } }"
    }

    @Test(arguments: [
        BadConfiguration(source("127.0.0.1:5514")), BadConfiguration(source("localhost:5514")),
        BadConfiguration(
            source("foo:5514"),
            "f:1: sources.s.udp: other machines may reach foo:5514, depending on what the name "
                + "stands for, and nobody is asked who they are; "
                + "bind 127.0.0.1, or set allow_anonymous: true if anyone may emit"),
        BadConfiguration(
            source("192.0.2.7:5514"),
            "f:1: sources.s.udp: other machines can reach 192.0.2.7:5514, and nobody is asked who "
                + "they are; bind 127.0.0.1, or set allow_anonymous: true if anyone may emit"),
        BadConfiguration(
            source("foo"),
            "f:1: sources.s.udp: the address has no port; write HOST:PORT such as 127.0.0.1:5514"),
        BadConfiguration(
            source(":5514"),
            "f:1: sources.s.udp: the address has no host; "
                + "write 127.0.0.1:PORT, or 0.0.0.0:PORT for all"),
        BadConfiguration(
            source("::1:5514"),
            "f:1: sources.s.udp: an IPv6 address needs brackets; write [::1]:5514"),
    ])
    func `a name is not called reachable from outside`(_ bad: BadConfiguration) {
        #expect(complaints(bad.text) == bad.lines)
    }

    @Test func `files and folders of sources that are none are found by the check`() throws {
        let settings = try settings(
            """
            { sources: { a: { file: '/dev', signal: 'a' }, b: { file: '/dev/null', signal: 'a' },
                         c: { file: '/no/such/folder/log', signal: 'a' },
                         d: { file: '/dev/not-there-yet', signal: 'a' },
                         e: { file: '/etc/passwd', signal: 'a' }, f: { udp: '127.0.0.1:1', signal: 'a' },
                         g: { unix: '/no/such/socket', signal: 'a' },
                         h: { unix: '/dev/socket', signal: 'a' } } }
            """)
        let missing = Gateway.missingSources(of: settings)
        #expect(
            missing == [
                "sources.a.file: /dev is a folder; name a file in it",
                "sources.b.file: /dev/null is a device, and only regular files are followed; "
                    + "let what writes to it write to a file, or to a source with unix or udp",
                "sources.c.file: there is no folder /no/such/folder; make it, or name another file",
                "sources.g.unix: there is no folder /no/such",
            ])
    }

    @Test func `addresses that this machine does not have are found by the check`() throws {
        // 192.0.2.0/24 is for documentation and nobody's (RFC 5737), .invalid no name's (RFC 6761).
        let settings = try settings(
            """
            { allow_anonymous: true,
              listeners: [{ url: 'http://127.0.0.1:80' }, { url: 'http://192.0.2.7:80' }],
              sources: { a: { udp: 'no.invalid:1', signal: 'a' }, b: { tcp: '192.0.2.7:1', signal: 'a' },
                         c: { udp: '127.0.0.1:1', signal: 'a' }, d: { unix: 'x', signal: 'a' } } }
            """)
        let missing = Gateway.missingAddresses(of: settings)
        #expect(missing.count == 3)
        #expect(
            missing.first == "listeners[1].url: this machine does not have the address 192.0.2.7")
        #expect(
            missing[1].hasPrefix("sources.a.udp: there is no address of that name: no.invalid ("))
        #expect(
            missing.last == "sources.b.tcp: this machine does not have the address 192.0.2.7")
    }
}
