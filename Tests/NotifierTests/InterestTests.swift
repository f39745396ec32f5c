import CLinux
import Testing

@testable import Notifier

@Suite struct InterestTests {
    @Test(
        arguments: [
            ([], 0), (.read, EPOLLIN.rawValue | EPOLLRDHUP.rawValue), (.write, EPOLLOUT.rawValue),
            (.peerClosed, EPOLLRDHUP.rawValue),
            ([.read, .write], EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLOUT.rawValue),
        ] as [(Interest, UInt32)])
    func `an interest asks epoll for its events`(interest: Interest, events: UInt32) {
        #expect(interest.events == events)
    }

    @Test(
        arguments: [
            (0, []), (EPOLLIN.rawValue, .read), (EPOLLOUT.rawValue, .write),
            (EPOLLRDHUP.rawValue, .peerClosed), (EPOLLHUP.rawValue, .hangUp),
            (EPOLLERR.rawValue, .error), (EPOLLPRI.rawValue, []),
            (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue, [.read, .hangUp, .error]),
        ] as [(UInt32, Readiness)])
    func `what epoll reports becomes a readiness`(events: UInt32, readiness: Readiness) {
        #expect(Readiness(events: events) == readiness)
    }
}
