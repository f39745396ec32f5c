import Glibc
import Notifier
import Testing

@Suite struct DescriptorTests {
    @Test func `a pipe closes on exec`() throws {
        let pipe = try Pipe()
        #expect(fcntl(pipe.read.number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(pipe.write.number, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func `an owner that goes away closes its descriptor`() throws {
        let pipe = try SharedPipe()
        defer { withExtendedLifetime(pipe) {} }
        // The end of the stream is seen only when every writing end is closed.
        do {
            let copy = Descriptor(owning: dup(pipe.write))
            #expect(fcntl(copy.number, F_GETFD) >= 0)
        }
        dup2(open("/dev/null", O_RDWR), pipe.write)
        #expect(receive(from: pipe.read) == "")
    }

    @Test func `a released descriptor stays open`() throws {
        let pipe = try SharedPipe()
        defer { withExtendedLifetime(pipe) {} }
        let number = Descriptor(owning: dup(pipe.read)).release()
        #expect(fcntl(number, F_GETFD) >= 0)
        close(number)
    }

    @Test func `a descriptor can be made not to block`() throws {
        let pipe = try Pipe()
        try Descriptor.setNonBlocking(pipe.read.number)
        var byte: UInt8 = 0
        #expect(read(pipe.read.number, &byte, 1) == -1)
        #expect(errno == EAGAIN)
        #expect(throws: SystemError.self) { try Descriptor.setNonBlocking(-1) }
    }
}
