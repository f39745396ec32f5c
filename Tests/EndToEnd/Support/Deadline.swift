// Waiting in end-to-end tests: always for a condition, never for a time to pass. What a test waits
// for is in other processes, so the condition is looked at again every few milliseconds.

import Glibc

/// Why a test cannot go on: a wait without success, a program that did not start.
struct TestError: Error, CustomStringConvertible {
    let description: String
}

/// Returns what `probe` finds, as soon as it finds it.
///
/// - Parameter what: completes the sentence "waited 5 seconds for …" of a failure; evaluated only
///   then, so it may quote what is there instead.
/// - Throws: `TestError`, and whatever `probe` throws.
func waitFor<Found>(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(10),
    _ probe: () throws -> Found?
) throws -> Found {
    let deadline = ContinuousClock.now + limit
    while true {
        if let found = try probe() { return found }
        guard ContinuousClock.now < deadline else {
            throw TestError(description: "waited \(limit) for \(what())")
        }
        // The pause between two looks.
        _ = poll(nil, 0, 5)
    }
}

/// Returns as soon as `condition` holds.
///
/// - Throws: `TestError`, and whatever `condition` throws.
func waitUntil(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(10),
    _ condition: () throws -> Bool
) throws {
    try waitFor(what(), within: limit) { try condition() ? () : nil }
}
