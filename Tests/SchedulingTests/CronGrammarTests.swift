import Scheduling
import Testing

@Suite
struct CronGrammarTests {
  @Test(arguments: [
    ("* * * * *", "* * * * *"), ("\t 0\t 0  1 1 0 ", "0 0 1 1 0"), ("00 02 * * *", "0 2 * * *"),
    ("*/15 * * * *", "*/15 * * * *"), ("*/1 * * * *", "* * * * *"), ("0-59 * * * *", "0-59 * * * *"),
    ("0,30,15,15,45 * * * *", "0,15,30,45 * * * *"), ("1-5/1 * * * *", "1-5 * * * *"), ("7-7 * * * *", "7 * * * *"),
    ("5/15 * * * *", "5,20,35,50 * * * *"), ("10-30/10 * * * *", "10,20,30 * * * *"), ("3,4 * * * *", "3,4 * * * *"),
    ("*/7 * * * *", "*/7 * * * *"), ("*/20,5 * * * *", "*/20,5 * * * *"), ("*/60 * * * *", "*/60 * * * *"),
    ("0 */24 * * *", "0 */24 * * *"), ("0 0 */2 * 1", "0 0 */2 * 1"), ("0 0 1-31/10 * 1", "0 0 1,11,21,31 * 1"),
    ("0 0 * JAN,mar,Dec *", "0 0 * 1,3,12 *"), ("0 0 * jan-mar *", "0 0 * 1-3 *"), ("0 0 * */12 *", "0 0 * */12 *"),
    ("0 0 * * 7", "0 0 * * 0"), ("0 0 * * sun", "0 0 * * 0"), ("0 0 * * 5-7", "0 0 * * 0,5,6"),
    ("0 0 * * 0-7", "0 0 * * 0-6"), ("0 0 * * mon-fri/2", "0 0 * * 1,3,5"), ("0 0 * * sat-SUN", "0 0 * * 0,6"),
    ("0 0 * * mon-sun", "0 0 * * 0-6"), ("0 0 * * sun-sun", "0 0 * * 0"), ("0 0 * * 7/2", "0 0 * * 0,2,4,6"),
    ("0 0 * * 1/2", "0 0 * * 1,3,5"), ("0 0 * * */7", "0 0 * * */7"), ("0 0 * * 1,MON", "0 0 * * 1"),
    ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@Weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"), (" @annually ", "0 0 1 1 *"),
  ])
  func `An expression has one shortest text, which means the same`(text: String, shortest: String) throws {
    let expression = try CronExpression(text)
    #expect(expression.text == shortest)
    #expect(try CronExpression(shortest) == expression)
  }

  @Test(arguments: [
    ("* * * * *", true), ("0 * * * *", true), ("*/30 2 * * *", true), ("*/20,5 2 * * *", true),
    ("0,30 2 * * *", false), ("5,*/20 2 * * *", false), ("0-59 0-23 * * *", false), ("0 2 * * *", false),
  ])
  func `A minute or an hour that begins with a star follows real time`(text: String, follows: Bool) throws {
    #expect(try CronExpression(text).followsRealTime == follows)
  }

  /// The weeks of November 2026: the 1st is a Sunday.
  @Test(arguments: [
    // Both restricted: either.
    ("0 0 13 * 5", [6, 13, 20, 27]), ("0 0 1-31/15 * 1", [1, 2, 9, 16, 23, 30]), ("0 0 9,10 * 0-7", Array(1...30)),
    // A star, with or without a step, is no restriction: both.
    ("0 0 */2 * 1", [9, 23]), ("0 0 13 * */5", [13]), ("0 0 * * 1", [2, 9, 16, 23, 30]), ("0 0 13 * *", [13]),
    ("0 0 */10 * *", [1, 11, 21]), ("0 0 */10,2 * 1", [2]), ("0 0 2,*/10 * 1", [1, 2, 9, 11, 16, 21, 23, 30]),
    ("0 0 * * 7", [1, 8, 15, 22, 29]), ("0 0 * * 5-7", [1, 6, 7, 8, 13, 14, 15, 20, 21, 22, 27, 28, 29]),
    ("0 0 * * mon-fri/2", [2, 4, 6, 9, 11, 13, 16, 18, 20, 23, 25, 27, 30]), ("0 0 31 * 6", [7, 14, 21, 28]),
  ])
  func `The two fields of days are joined as in Debian's cron`(text: String, days: [Int]) throws {
    let start = try instant("2026-10-31T23:59:59"), end = try instant("2026-12-01T00:00:00")
    let schedule = try Schedule(CronExpression(text), from: start)
    let times = schedule.next(40, after: start).prefix { $0 < end }
    #expect(times.map { ($0 - start) / 86_400 + 1 } == days)
  }

  @Test(arguments: [
    ("*/7 3 * * *", [0, 7, 14, 21, 28, 35, 42, 49, 56]), ("5/15 3 * * *", [5, 20, 35, 50]), ("*/60 3 * * *", [0]),
    ("45/15 3 * * *", [45]), ("50-55/5,2 3 * * *", [2, 50, 55]),
  ])
  func `Steps begin at the first value`(text: String, minutes: [Int]) throws {
    let start = try instant("2026-11-29T02:59:59")
    let schedule = try Schedule(CronExpression(text), from: start)
    #expect(schedule.next(minutes.count, after: start).map { ($0 - start) / 60 } == minutes)
  }
}
