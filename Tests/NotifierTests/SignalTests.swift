import Notifier
import Testing

@Suite struct SignalTests {
    @Test func `handlers are called in the order of connection with the argument`() {
        let signal = Signal<Int>()
        var calls: [String] = []
        for name in ["a", "b", "c"] {
            signal.connect {
                calls.append("\(name)\($0)")
                return .keep
            }
        }
        signal.emit(1)
        signal.emit(2)
        #expect(calls == ["a1", "b1", "c1", "a2", "b2", "c2"])
    }

    @Test func `stop disconnects and keep does not`() {
        let signal = Signal<Void>()
        var calls = 0
        signal.connect {
            calls += 1
            return calls < 2 ? .keep : .stop
        }
        for _ in 0..<4 { signal.emit() }
        #expect(calls == 2)
        #expect(signal.connectionCount == 0)
    }

    @Test func `a handler connected during an emission waits for the next`() {
        let signal = Signal<Void>()
        var calls = 0
        signal.connect {
            signal.connect {
                calls += 1
                return .keep
            }
            return .stop
        }
        signal.emit()
        #expect(calls == 0)
        signal.emit()
        #expect(calls == 1)
    }

    @Test func `a handler disconnected during an emission is not called any more`() {
        let signal = Signal<Void>()
        var calls = 0
        var second: SignalToken?
        signal.connect { [unowned signal] in
            if let second { signal.disconnect(second) }
            return .keep
        }
        second = signal.connect {
            calls += 1
            return .keep
        }
        signal.emit()
        #expect(calls == 0)
    }

    @Test func `the same handler twice is called twice and disconnected one by one`() {
        let signal = Signal<Void>()
        var calls = 0
        let handler: () -> Disposition = {
            calls += 1
            return .keep
        }
        let tokens = [signal.connect(handler), signal.connect(handler)]
        signal.emit()
        #expect(calls == 2)
        #expect(signal.disconnect(tokens[0]))
        #expect(!signal.disconnect(tokens[0]))
        signal.emit()
        #expect(calls == 3)
    }

    @Test func `a handler may emit its own signal`() {
        let signal = Signal<Int>()
        var seen: [Int] = []
        signal.connect { [unowned signal] depth in
            seen.append(depth)
            if depth < 3 { signal.emit(depth + 1) }
            return .keep
        }
        signal.emit(0)
        #expect(seen == [0, 1, 2, 3])
    }

    @Test func `a disconnected handler is let go`() {
        final class Listener {}
        let signal = Signal<Void>()
        weak var weakly: Listener?
        do {
            let listener = Listener()
            weakly = listener
            let token = signal.connect {
                _ = listener
                return .keep
            }
            #expect(weakly != nil)
            signal.disconnect(token)
        }
        #expect(weakly == nil)
    }
}
