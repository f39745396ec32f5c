// The whole table: every phase with every event, and the walks that connections take.

import HTTPWire
import Testing

@Suite struct ConnectionStateTests {
    typealias State = ConnectionState

    /// A way into each phase.
    private static func state(in phase: State.Phase) -> State {
        let events: [State.Event] =
            switch phase {
            case .idle: []
            case .readingHead: [.headBytes]
            case .readingBody: [.headWithBody]
            case .responding: [.head]
            case .draining: [.headWithBody, .responseEnd]
            case .closing: [.head, .lastResponseEnd]
            case .closed: [.peerClosed]
            }
        var state = State()
        for event in events { _ = state.on(event) }
        return state
    }

    // One line per event: phase and action that follow, in the order of `columns`; a dot means that
    // nothing changes and nothing is done.
    private static let columns: [State.Phase] = [
        .idle, .readingHead, .readingBody, .responding, .draining, .closing, .closed,
    ]
    private static let table: [(State.Event, [String])] = [
        (.headBytes, ["readingHead none", ".", ".", ".", ".", ".", "."]),
        (.head, begin("responding")), (.headWithBody, begin("readingBody")),
        (.lastHead, begin("responding")), (.lastHeadWithBody, begin("readingBody")),
        (.bodyEnd, [".", ".", "responding none", ".", "idle next", ".", "."]),
        (.responseEnd, [".", ".", "draining drain", "idle next", ".", ".", "."]),
        (.lastResponseEnd, [".", ".", "closing linger", "closing linger", ".", ".", "."]),
        (
            .fault,
            [
                "closing refuse", "closing refuse", "closing refuse", "closing refuse",
                "closing linger", ".", ".",
            ]
        ),
        (
            .timeout,
            [
                "closed close", "closing refuse", "closing refuse", "closing refuse",
                "closing linger", "closed close", ".",
            ]
        ),
        (
            .peerClosed,
            [
                "closed close", "closed close", "closed cancel", "responding tellExchange",
                "closed close", "closed close", ".",
            ]
        ),
        (
            .lost,
            [
                "closed close", "closed close", "closed cancel", "closed cancel", "closed close",
                "closed close", ".",
            ]
        ),
        (.shutdown, ["closed close", ".", ".", ".", "closing linger", ".", "."]),
    ]

    private static func begin(_ phase: String) -> [String] {
        ["\(phase) beginExchange", "\(phase) beginExchange", ".", ".", ".", ".", "."]
    }

    @Test func `the table is complete`() {
        #expect(Self.table.map(\.0) == State.Event.allCases)
        #expect(Self.columns == State.Phase.allCases)
        #expect(Self.table.allSatisfy { $0.1.count == Self.columns.count })
        for phase in State.Phase.allCases { #expect(Self.state(in: phase).phase == phase) }
    }

    @Test(arguments: Self.table.indices)
    func `each event does in each phase what the table says`(_ row: Int) {
        let (event, cells) = Self.table[row]
        for (phase, cell) in zip(Self.columns, cells) {
            var state = Self.state(in: phase)
            let action = state.on(event)
            let expected = cell == "." ? "\(phase) none" : cell
            #expect("\(state.phase) \(action)" == expected, "\(event) in \(phase)")
        }
    }

    /// The actions that `events` lead to.
    private func walk(_ events: [State.Event]) -> [State.Action] {
        var state = State()
        return events.map { state.on($0) }
    }

    @Test func `exchanges follow each other on one connection`() {
        #expect(
            walk([.headBytes, .head, .responseEnd, .headWithBody, .bodyEnd, .responseEnd])
                == [.none, .beginExchange, .next, .beginExchange, .none, .next])
    }

    @Test func `a response that is early waits for the rest of the body`() {
        #expect(
            walk([.headWithBody, .responseEnd, .bodyEnd, .head])
                == [.beginExchange, .drain, .next, .beginExchange])
    }

    @Test(arguments: [
        [ConnectionState.Event.lastHead, .responseEnd],
        [.lastHeadWithBody, .bodyEnd, .responseEnd], [.lastHeadWithBody, .responseEnd],
        [.head, .shutdown, .responseEnd], [.headWithBody, .shutdown, .responseEnd],
        [.headBytes, .shutdown, .head, .responseEnd], [.head, .peerClosed, .responseEnd],
        [.head, .lastResponseEnd],
    ])
    func `the last exchange is answered, then the connection lingers`(_ events: [State.Event]) {
        #expect(walk(events).last == .linger)
        #expect(walk(events + [.peerClosed]).last == .close)
        #expect(walk(events + [.timeout]).last == .close)
    }

    @Test func `a response knows whether it is the last`() {
        var state = State()
        _ = state.on(.head)
        #expect(!state.endsAfterResponse)
        _ = state.on(.shutdown)
        #expect(state.endsAfterResponse)
        var last = State()
        _ = last.on(.head(keepAlive: false, hasBody: true))
        #expect(last.endsAfterResponse && last.phase == .readingBody)
    }

    @Test func `nothing leaves the end`() {
        for event in State.Event.allCases {
            var state = Self.state(in: .closed)
            #expect(state.on(event) == .none && state.phase == .closed)
            var closing = Self.state(in: .closing)
            _ = closing.on(event)
            #expect(closing.phase == .closing || closing.phase == .closed)
        }
    }

    @Test(arguments: [
        (true, false, ConnectionState.Event.head), (true, true, .headWithBody),
        (false, false, .lastHead), (false, true, .lastHeadWithBody),
    ])
    func `a head is an event`(_ keepAlive: Bool, _ hasBody: Bool, _ event: State.Event) {
        #expect(State.Event.head(keepAlive: keepAlive, hasBody: hasBody) == event)
    }
}
