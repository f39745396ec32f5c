// JSONNumber and JSONDecimal: exact values of numbers of any length.

import Testing

@testable import JSON

@Suite struct `JSON numbers` {
    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("1", 1), ("-17", -17), ("1.0", 1), ("1e2", 100), ("1.5e1", 15),
            ("120e-1", 12), ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min),
            ("9223372036854775807.0", Int.max), ("922337203685477580.7e1", Int.max),
            ("9223372036854775808", nil), ("-9223372036854775809", nil), ("1e19", nil),
            ("0.5", nil),
            ("1e-1", nil), ("1e99999999999999999999", nil), ("-1e99999999999999999999", nil),
            ("0e99999999999999999999", 0), ("1e-99999999999999999999", nil), ("12.5", nil),
        ] as [(String, Int?)])
    func `an integer is one by value`(text: String, wanted: Int?) throws {
        #expect(try #require(JSONNumber(text)).int == wanted)
    }

    @Test(
        arguments: [
            ("0", 0.0), ("1.5", 1.5), ("-1e3", -1000), ("0.1", 0.1), ("1e-400", 0),
            ("1e308", 1e308),
            ("1e309", nil), ("-1e400", nil),
            ("123456789012345678901234567890", 1.2345678901234568e29),
        ] as [(String, Double?)])
    func `a double is the nearest one`(text: String, wanted: Double?) throws {
        #expect(try #require(JSONNumber(text)).double == wanted)
    }

    @Test(arguments: ["", "a", "01", "1 ", " 1", "+1", "1.", "\"1\"", "[1]", "1,2", "NaN"])
    func `only numbers are numbers`(text: String) {
        #expect(JSONNumber(text) == nil)
    }

    @Test func `infinities and NaN are no numbers`() {
        #expect(JSONNumber(Double.infinity) == nil)
        #expect(JSONNumber(-Double.infinity) == nil)
        #expect(JSONNumber(Double.nan) == nil)
        #expect(JSONNumber(0.1)?.text == "0.1")
    }

    /// Numbers in rising order; those of one row are equal.
    static let rising: [[String]] = [
        ["-1e99999999999999999999"],
        ["-1e400", "-10e399"],
        ["-123456789012345678901234567891"],
        ["-123456789012345678901234567890", "-123456789012345678901234567890.0"],
        ["-20"], ["-3"], ["-2.5", "-25e-1"], ["-2"],
        ["-0.1", "-1e-1"],
        ["-1e-99999999999999999999"],
        ["0", "-0", "0.0", "0e10", "-0e-5", "0e99999999999999999999"],
        ["1e-99999999999999999999"],
        ["1e-400", "0.1e-399"],
        ["0.09"],
        ["0.1", "1e-1", "0.10", "10e-2", "1E-1"],
        ["0.10000000000000000000000000000001"],
        ["1", "1.0", "1e0", "10e-1", "0.1e1", "1.000"],
        ["1.5"], ["2"], ["9"], ["10", "1e1", "1e+1", "1.0e1"], ["11"], ["99"], ["100", "1e2"],
        ["9007199254740992"], ["9007199254740993"], ["1e18"], ["1e400"],
        ["1e99999999999999999999"],
    ]

    @Test func `order and equality are exact`() throws {
        let numbers = try Self.rising.map { try $0.map { try #require(JSONNumber($0)) } }
        for (row, lefts) in numbers.enumerated() {
            for (otherRow, rights) in numbers.enumerated() {
                for left in lefts {
                    for right in rights {
                        #expect((left < right) == (row < otherRow), "\(left.text) \(right.text)")
                        #expect((left == right) == (row == otherRow), "\(left.text) \(right.text)")
                        if left == right { #expect(left.hashValue == right.hashValue) }
                    }
                }
            }
        }
    }

    @Test(
        arguments: [
            ("0", "3", true), ("9", "3", true), ("10", "3", false), ("-9", "3", true),
            ("0.3", "0.1", true), ("0.35", "0.1", false), ("4.02", "0.01", true),
            ("1", "0.25", true),
            ("1", "0.3", false), ("7.5", "2.5", true), ("1e3", "7", false), ("1e3", "8", true),
            ("1e-3", "1", false), ("19.99", "0.01", true), ("1e300", "7", false),
            ("7e300", "7", true),
            ("1e99999999999999999999", "2", true), ("1e-99999999999999999999", "2", false),
            ("123456789012345678901234567890", "10", true),
            ("123456789012345678901234567890", "7", true),
            ("123456789012345678901234567891", "7", false),
            ("123456789012345678901234567890", "9999999999999999999", false),
            ("99999999999999999990", "9999999999999999999", true),
            ("1", "0", nil), ("1", "0.12345678901234567890123", nil),
        ] as [(String, String, Bool?)])
    func `a multiple is one without rounding`(value: String, divisor: String, wanted: Bool?) {
        #expect(JSONDecimal(value).isMultiple(of: JSONDecimal(divisor)) == wanted)
    }
}
