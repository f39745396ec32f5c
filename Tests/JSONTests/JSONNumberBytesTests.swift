// Numbers compared in place: by exact value, however they are written.

import Testing

@testable import JSON

@Suite struct `JSON numbers in place` {
    private func equal(_ left: String, _ right: String) -> Bool {
        withPlaced(Array(left.utf8)) { left in
            withPlaced(Array(right.utf8)) { right in JSONNumberBytes.equal(left, right) }
        }
    }

    @Test(arguments: [
        ["0", "-0", "0.0", "0e5", "-0.000e-9", "0E+1", "0e99999999999999999999999"],
        ["1", "1.0", "1e0", "10e-1", "0.1e1", "1E+0", "1e00000000000000000000000", "0.001e3"],
        ["-1", "-1.00", "-10e-1"], ["0.1", "0.10", "1e-1", "100e-3", "0.01E1"],
        ["120", "1.2e2", "12e1", "120.000", "0.00120e5"],
        ["9007199254740993", "9007199254740993.0", "9007199254740.993e3"],
        ["9007199254740992", "9007199254740992e0"],
        ["123456789012345678901234567890", "1.2345678901234567890123456789e29"],
        ["123456789012345678901234567891"], ["1e400", "10e399", "0.1e401"], ["1e-400"], ["1e401"],
        ["1e999999999999999999", "10e999999999999999998"],
        ["1e9999999999999999999", "1E+9999999999999999999", "1e0009999999999999999999"],
        ["1e-9999999999999999999"], ["2e9999999999999999999"], ["11"], ["101"], ["1.01"],
        ["1001e-2"],
    ])
    func `equal values are equal in whatever spelling, and no others`(group: [String]) {
        // What every group is held against, one of each but its own.
        let others = [
            "0", "1", "-1", "0.1", "120", "9007199254740993", "9007199254740992",
            "123456789012345678901234567890", "123456789012345678901234567891", "1e400", "1e-400",
            "1e401", "1e999999999999999999", "1e9999999999999999999", "1e-9999999999999999999",
            "2e9999999999999999999", "11", "101", "1.01", "10.01",
        ].filter { !group.contains($0) && !(group == ["1001e-2"] && $0 == "10.01") }
        for one in group {
            for other in group { #expect(equal(one, other), "\(one) \(other)") }
            for other in others {
                #expect(!equal(one, other) && !equal(other, one), "\(one) \(other)")
            }
        }
    }

    /// A number as its digits and the power of ten of the last one, and as some text of it.
    private func spelled(
        _ digits: [Int], _ power: Int, _ isNegative: Bool, _ dice: inout SeededNumbers
    ) -> String {
        var digits = digits
        var power = power
        for _ in 0..<Int.random(in: 0...3, using: &dice) {
            digits.append(0)
            power -= 1
        }
        var text = digits.map(String.init).joined()
        let behind = Int.random(in: 0...text.count + 2, using: &dice)
        if behind > 0 {
            text = String(repeating: "0", count: max(behind + 1 - text.count, 0)) + text
            text.insert(".", at: text.index(text.endIndex, offsetBy: -behind))
            power += behind
        }
        // No leading zero but the one before a point.
        while text.count > 1, text.first == "0", text.dropFirst().first != "." {
            text.removeFirst()
        }
        if power != 0 || Bool.random(using: &dice) {
            text += Bool.random(using: &dice) ? "e" : "E"
            text += power < 0 ? "-" : Bool.random(using: &dice) ? "+" : ""
            text += String(repeating: "0", count: Int.random(in: 0...2, using: &dice))
            text += String(power.magnitude)
        }
        return (isNegative ? "-" : "") + text
    }

    /// The model: digits without zeros at either end, and the power of the last one.
    private func model(_ digits: [Int], _ power: Int, _ isNegative: Bool) -> String {
        var digits = digits[...]
        var power = power
        while digits.last == 0 {
            digits.removeLast()
            power += 1
        }
        while digits.first == 0 { digits.removeFirst() }
        return digits.isEmpty ? "0" : "\(isNegative)\(digits)\(power)"
    }

    @Test(arguments: 0..<8)
    func `random spellings are equal exactly if the values are`(seed: Int) throws {
        var dice = SeededNumbers(seed: UInt64(seed))
        var known: [(text: String, value: String)] = []
        for _ in 0..<120 {
            let count = Int.random(in: 1...(Bool.random(using: &dice) ? 2 : 25), using: &dice)
            // Few different digits, so that many are nearly the same.
            let digits = (0..<count).map { _ in Int.random(in: 0...2, using: &dice) }
            let power = Int.random(in: -3...3, using: &dice)
            let isNegative = Int.random(in: 0..<4, using: &dice) == 0
            let value = model(digits, power, isNegative)
            for _ in 0..<2 {
                let text = spelled(digits, power, isNegative, &dice)
                try #require(JSONNumber(text) != nil, "\(text)")
                known.append((text, value))
            }
        }
        var equals = 0
        for one in known {
            for other in known {
                let isSame = one.value == other.value
                equals += isSame ? 1 : 0
                #expect(equal(one.text, other.text) == isSame, "\(one.text) \(other.text)")
            }
        }
        #expect(equals > known.count)
    }
}
