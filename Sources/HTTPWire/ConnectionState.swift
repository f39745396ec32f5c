// ConnectionState: what a server connection may do next, as a table of phases and events.
//
//     idle ── readingHead ── readingBody ── responding ── idle …        one exchange
//                                 └──────── draining ──── idle          answered before the body ended
//     any ── closing ── closed                                          last answer, then lingering
//
// Pure: it touches no socket and no buffer. The caller tells what happened and does what the action
// says. One exchange at a time; requests that arrive early wait in the input buffer.

/// The state of one server connection between its exchanges and within them.
///
/// Loop-confined.
package struct ConnectionState: Sendable {
    /// Where the connection stands.
    package enum Phase: UInt8, CaseIterable, Sendable {
        /// Nothing of a next request has arrived.
        case idle
        /// A head has begun and is not complete.
        case readingHead
        /// An exchange is open and its request body is not complete.
        case readingBody
        /// An exchange is open and its request is complete.
        case responding
        /// The response has ended, the request body has not; it is read and dropped.
        case draining
        /// The last response has been handed over; input is read and dropped until the peer closes.
        case closing
        /// Nothing more is read or written.
        case closed
    }

    /// What happened.
    package enum Event: UInt8, CaseIterable, Sendable {
        /// Bytes of a head arrived that do not complete it.
        case headBytes
        /// A head without body is complete, and its connection may persist.
        case head
        /// A head with a body is complete, and its connection may persist.
        case headWithBody
        /// A head without body is complete; the connection ends with its exchange.
        case lastHead
        /// A head with a body is complete; the connection ends with its exchange.
        case lastHeadWithBody
        /// The request body is complete.
        case bodyEnd
        /// The response was handed over completely.
        case responseEnd
        /// The response was handed over, and only the end of the connection ends it.
        case lastResponseEnd
        /// The peer broke the framing, or sent more than it may.
        case fault
        /// A deadline passed.
        case timeout
        /// The peer will send nothing more, but may still read.
        case peerClosed
        /// The connection was reset, or writing failed.
        case lost
        /// The server is ending: no further request.
        case shutdown
    }

    /// What the caller does about it.
    package enum Action: UInt8, Sendable {
        /// Nothing; go on.
        case none
        /// Begin an exchange for the head.
        case beginExchange
        /// Answer with an error if no response has begun, cancel the exchange if there is one, then
        /// `linger`.
        case refuse
        /// Read the rest of the request body and drop it, within a limit; then `bodyEnd`.
        case drain
        /// Look for the next head, first in what has already arrived.
        case next
        /// Write what is queued, end the writing side, drop input until the peer closes.
        case linger
        /// The peer ended its side with an exchange open: the handler may be told; the answer is
        /// still wanted, unless the peer is known to want none.
        case tellExchange
        /// Cancel the exchange, then `close`.
        case cancel
        /// Close at once.
        case close
    }

    /// Where the connection stands.
    package private(set) var phase = Phase.idle

    /// Whether the connection ends with the open exchange, so that its response should say so.
    package private(set) var endsAfterResponse = false

    /// Makes the state of a connection that was just accepted.
    package init() {}

    /// Takes note of `event` and tells what to do.
    package mutating func on(_ event: Event) -> Action {
        switch event {
        case .lost: return abandon()
        case .shutdown: return end()
        default: break
        }
        return switch phase {
        case .idle, .readingHead: betweenExchanges(event)
        case .readingBody: readingBody(event)
        case .responding: responding(event)
        case .draining: draining(event)
        case .closing: closing(event)
        case .closed: .none
        }
    }

    private mutating func betweenExchanges(_ event: Event) -> Action {
        switch event {
        case .headBytes:
            phase = .readingHead
            return .none
        case .head: return begin(.responding, isLast: false)
        case .headWithBody: return begin(.readingBody, isLast: false)
        case .lastHead: return begin(.responding, isLast: true)
        case .lastHeadWithBody: return begin(.readingBody, isLast: true)
        case .fault:
            return move(to: .closing, .refuse)
        case .timeout:
            // A peer that has sent nothing is owed no answer.
            if phase == .idle { return move(to: .closed, .close) }
            return move(to: .closing, .refuse)
        case .peerClosed:
            return move(to: .closed, .close)
        case .bodyEnd, .responseEnd, .lastResponseEnd, .lost, .shutdown:
            return .none
        }
    }

    private mutating func readingBody(_ event: Event) -> Action {
        switch event {
        case .bodyEnd:
            return move(to: .responding, .none)
        case .responseEnd:
            return endsAfterResponse ? move(to: .closing, .linger) : move(to: .draining, .drain)
        case .lastResponseEnd:
            return move(to: .closing, .linger)
        case .fault, .timeout:
            return move(to: .closing, .refuse)
        case .peerClosed:
            // Without its end the request is not a request (RFC 9112 §8).
            return move(to: .closed, .cancel)
        case .headBytes, .head, .headWithBody, .lastHead, .lastHeadWithBody, .lost, .shutdown:
            return .none
        }
    }

    private mutating func responding(_ event: Event) -> Action {
        switch event {
        case .responseEnd:
            return endsAfterResponse ? move(to: .closing, .linger) : move(to: .idle, .next)
        case .lastResponseEnd:
            return move(to: .closing, .linger)
        case .fault, .timeout:
            return move(to: .closing, .refuse)
        case .peerClosed:
            // Half a close is allowed (RFC 9112 §9.6): the answer can still be read.
            endsAfterResponse = true
            return .tellExchange
        case .headBytes, .head, .headWithBody, .lastHead, .lastHeadWithBody, .bodyEnd, .lost,
            .shutdown:
            return .none
        }
    }

    private mutating func draining(_ event: Event) -> Action {
        switch event {
        case .bodyEnd: return move(to: .idle, .next)
        case .fault, .timeout: return move(to: .closing, .linger)
        case .peerClosed: return move(to: .closed, .close)
        case .headBytes, .head, .headWithBody, .lastHead, .lastHeadWithBody, .responseEnd,
            .lastResponseEnd, .lost, .shutdown:
            return .none
        }
    }

    private mutating func closing(_ event: Event) -> Action {
        switch event {
        case .timeout, .peerClosed: return move(to: .closed, .close)
        case .headBytes, .head, .headWithBody, .lastHead, .lastHeadWithBody, .bodyEnd,
            .responseEnd, .lastResponseEnd, .fault, .lost, .shutdown:
            return .none
        }
    }

    /// The transport is gone.
    private mutating func abandon() -> Action {
        switch phase {
        case .readingBody, .responding: move(to: .closed, .cancel)
        case .idle, .readingHead, .draining, .closing: move(to: .closed, .close)
        case .closed: .none
        }
    }

    /// The server is ending: what was asked is answered, what was not is not waited for.
    private mutating func end() -> Action {
        switch phase {
        case .idle:
            return move(to: .closed, .close)
        case .draining:
            return move(to: .closing, .linger)
        case .readingHead, .readingBody, .responding:
            endsAfterResponse = true
            return .none
        case .closing, .closed:
            return .none
        }
    }

    private mutating func begin(_ next: Phase, isLast: Bool) -> Action {
        endsAfterResponse = endsAfterResponse || isLast
        return move(to: next, .beginExchange)
    }

    private mutating func move(to next: Phase, _ action: Action) -> Action {
        phase = next
        return action
    }
}

extension ConnectionState.Event {
    /// The event that a complete head is.
    package static func head(keepAlive: Bool, hasBody: Bool) -> ConnectionState.Event {
        switch (keepAlive, hasBody) {
        case (true, false): .head
        case (true, true): .headWithBody
        case (false, false): .lastHead
        case (false, true): .lastHeadWithBody
        }
    }
}
