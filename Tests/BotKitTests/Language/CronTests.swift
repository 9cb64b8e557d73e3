import Envelopes
import MeshTesting
import Testing

@testable import BotKit

@Suite struct CronTests {
    /// 2024-02-28T12:34:56.789Z, a Wednesday of a leap year.
    private let start = Timestamp(milliseconds: 1_709_123_696_789)

    /// Minutes from 2024-02-28T00:00Z.
    private func next(_ text: String) throws -> Int64? {
        try Cron(parsing: text).next(after: start).map { ($0.milliseconds - 1_709_078_400_000) / 60_000 }
    }

    @Test func ticks() throws {
        let day: Int64 = 1440
        let cases: [(String, Int64?)] = [
            ("* * * * *", 12 * 60 + 35), ("*/15 * * * *", 12 * 60 + 45), ("0 */2 * * *", 14 * 60), ("0 0 * * *", day),
            ("30 12 * * *", day + 750),
            ("0 9 29 2 *", day + 540), ("0 0 1 * *", 2 * day), ("0 0 * * mon", 5 * day), ("0 0 * * 0", 4 * day), ("0 0 * * 7", 4 * day),
            ("0 0 * * SUN", 4 * day),
            ("0 0 1 jan *", 308 * day), ("0 0 13 * fri", 2 * day), ("5-10/5,50 13 * * *", 13 * 60 + 5), ("10/20 * * * *", 12 * 60 + 50),
            ("0 0 1-5 * 4", day),
        ]
        for (text, expected) in cases { #expect(try next(text) == expected, "\(text)") }
    }

    @Test func everyTickIsLaterAndOnTheMinute() throws {
        let cron = try Cron(parsing: "7 3 * * 1-5")
        var now = start
        for _ in 0..<400 {
            let tick = try #require(cron.next(after: now))
            #expect(tick > now && tick.milliseconds % 60_000 == 0 && (tick.milliseconds / 60_000) % 1440 == 3 * 60 + 7)
            now = tick
        }
    }

    @Test func civilDays() {
        #expect(Cron.monthAndDay(ofDay: 0) == (1, 1))
        #expect(Cron.monthAndDay(ofDay: 19_782) == (2, 29))
        #expect(Cron.monthAndDay(ofDay: -1) == (12, 31))
    }

    @Test(arguments: [
        ("* * * *", "1:1: 4 fields, expected five"), ("* * * * * *", "1:11: 6 fields"),
        ("61 * * * *", "1:1: minute '61': '61' is not 0 to 59"),
        ("* 25 * * *", "1:3: hour '25'"), ("* * 0 * *", "1:5: day of month '0'"),
        ("* * * foo *", "1:7: month 'foo': 'foo' is not 1 to 12 or jan to dec"),
        ("*/0 * * * *", "the step '0'"), ("5-1 * * * *", "runs backwards"), ("1,,2 * * * *", "expected a number"),
        ("* * 30 2 *", "this day never comes"), ("", "0 fields"),
        ("-1 * * * *", "minute"), ("* * * * 8", "day of week"),
    ]) func mistakes(_ text: String, _ expected: String) {
        #expect {
            try Cron(parsing: text)
        } throws: { "\($0)".contains(expected) }
    }

    @Test func farAwayInstantsAreHarmless() throws {
        let cron = try Cron(parsing: "* * * * *")
        #expect(cron.next(after: Timestamp(milliseconds: .max)) == nil)
        #expect(cron.next(after: Timestamp(milliseconds: .min)) == nil)
    }

    @Test func fuzz() {
        var random = SeededGenerator(seed: 3)
        let pieces = ["*", "1", "5", "/", "-", ",", " ", " ", " ", "jan", "mon", "59", "31", "2", "x"]
        for _ in 0..<8000 {
            let text = (0..<Int.random(in: 3...16, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            guard let cron = try? Cron(parsing: text) else { continue }
            #expect(cron.next(after: start) ?? .init(milliseconds: .max) > start)
        }
    }
}
