import CLinux
import Testing

@testable import Notifier

@Suite struct InterestTests {
    static let interests: [(Interest, UInt32)] = [
        (Interest(), 0),
        (.read, EPOLLIN.rawValue | EPOLLRDHUP.rawValue),
        (.write, EPOLLOUT.rawValue),
        (.peerClosed, EPOLLRDHUP.rawValue),
        (Interest([.read, .write]), EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLOUT.rawValue),
    ]

    @Test func `the kernel takes little beside exclusive`() {
        #expect(
            Interest([.read, .peerClosed, .exclusive]).events
                == EPOLLEXCLUSIVE.rawValue | EPOLLIN.rawValue)
        #expect(Interest.exclusive.events == EPOLLEXCLUSIVE.rawValue)
    }

    @Test(arguments: interests)
    func `an interest asks epoll for its events`(interest: Interest, events: UInt32) {
        #expect(interest.events == events)
    }

    static let reports: [(UInt32, Readiness)] = [
        (0, Readiness()),
        (EPOLLIN.rawValue, .read),
        (EPOLLOUT.rawValue, .write),
        (EPOLLRDHUP.rawValue, .peerClosed),
        (EPOLLHUP.rawValue, .hangUp),
        (EPOLLERR.rawValue, .error),
        (EPOLLPRI.rawValue, Readiness()),
        (EPOLLIN.rawValue | EPOLLHUP.rawValue, Readiness([.read, .hangUp])),
    ]

    @Test(arguments: reports)
    func `what epoll reports becomes a readiness`(events: UInt32, readiness: Readiness) {
        #expect(Readiness(events: events) == readiness)
    }
}
