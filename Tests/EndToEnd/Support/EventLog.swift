// The text of an event stream, taken apart as the WHATWG HTML standard says (§9.2.6).

import Glibc

/// One event of a stream.
struct StreamEvent: Equatable {
    var id = ""
    var name = "message"
    var data = ""
}

/// What a stream has brought so far.
struct EventLog {
    private(set) var events: [StreamEvent] = []
    private(set) var comments: [String] = []
    private(set) var retryMilliseconds: Int?

    /// Takes `text` apart; an event whose blank line has not come is left out.
    init(_ text: String) {
        var event = StreamEvent()
        var data: [Substring] = []
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        // What follows the last line end is a line still to be finished.
        lines.removeLast()
        for line in lines {
            let field = line.prefix { $0 != ":" }
            var value = line.dropFirst(field.count + 1)
            if value.first == " " { value = value.dropFirst() }
            switch field {
            case "" where line.isEmpty:
                if !data.isEmpty {
                    event.data = data.joined(separator: "\n")
                    events.append(event)
                }
                // The last event id stays until the next one replaces it.
                event = StreamEvent(id: event.id)
                data = []
            case "": comments.append(String(value))
            case "id": event.id = String(value)
            case "event": event.name = String(value)
            case "data": data.append(value)
            case "retry": retryMilliseconds = Int(value)
            default: break
            }
        }
    }

    /// The events of one signal.
    func events(of signal: String) -> [StreamEvent] {
        events.filter { $0.name == signal }
    }
}

/// A stream as `curl --no-buffer` reads it.
///
/// Confined to the test that started it.
struct StreamReader {
    let program: Program

    /// Opens a stream and waits until its first bytes are there.
    init(_ url: String, _ arguments: String...) throws {
        let started = try Program(
            ["curl", "--silent", "--show-error", "--no-buffer", "--noproxy", "*"] + arguments
                + [url])
        program = started
        try waitUntil("the stream \(url) to open: \(started.errors)") { !started.output.isEmpty }
    }

    /// What has come so far.
    var log: EventLog { EventLog(program.output) }

    /// Waits until `count` events of a signal have come, and returns all of them.
    func events(
        of signal: String, count: Int, within limit: Duration = .seconds(10)
    ) throws -> [StreamEvent] {
        try waitFor(
            "\(count) events \(signal); the stream so far:\n\(program.output)", within: limit
        ) {
            let found = log.events(of: signal)
            return found.count >= count ? found : nil
        }
    }

    /// Closes the stream as Ctrl-C does.
    func close() throws {
        program.send(SIGINT)
        try program.wait()
    }
}
