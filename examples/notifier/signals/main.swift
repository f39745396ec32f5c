// Signals inside a program: one part says that something happened, others hear of it, and neither
// knows the other.

import Notifier

// 1. One for the whole program, with an argument of a certain type.
let temperature = Signal<Double>()

temperature.connect { degrees in
    print("display: \(degrees) °C")
    return .keep
}
let alarm = temperature.connect { degrees in
    if degrees < 30 { return .keep }
    print("alarm: too hot")
    // Once is enough.
    return .stop
}
temperature.emit(21.5)
temperature.emit(31.5)
temperature.emit(33.5)
print("alarm is connected:", temperature.disconnect(alarm))

// 2. Signals of an object: each door has its own.
final class Door {
    let opened = Signal<String>()
    private(set) var isOpen = false

    func open(by name: String) {
        isOpen = true
        opened.emit(name)
    }
}

let (front, back) = (Door(), Door())
front.opened.connect { name in
    print("front door opened by \(name)")
    return .keep
}
back.opened.connect { name in
    print("back door opened by \(name)")
    return .keep
}
front.open(by: "Ada")
back.open(by: "Charles")

// 3. By name, for parts that meet at run time only. A wrong name or type is an error.
let provider = SignalProvider()
try provider.new("saved", of: Int.self)
try provider.connect("saved") { (count: Int) in
    print("\(count) bytes saved")
    return .keep
}
try provider.emit("saved", 512)
do {
    try provider.emit("lost", 1)
} catch {
    print(error)
}
