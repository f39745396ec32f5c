import Testing

@testable import Notifier

@Suite struct ScratchTests {
    @Test func `memory that is lent is not lent a second time`() throws {
        let loop = try EventLoop()
        let scratch = loop.local(Scratch.self)
        var first: UnsafeMutableRawPointer?
        scratch.withMemory { outer in
            first = outer.baseAddress
            #expect(outer.count == Scratch.byteCount)
            scratch.withMemory { inner in
                #expect(inner.baseAddress != outer.baseAddress)
                #expect(inner.count == Scratch.byteCount)
            }
        }
        scratch.withMemory { #expect($0.baseAddress == first) }
    }
}
