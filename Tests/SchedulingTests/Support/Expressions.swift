import Scheduling

/// The next times of an expression in a zone after an instant in UTC, as texts.
func times(_ expression: String, _ zone: TimeZoneData, after start: String, _ count: Int) throws -> [String] {
  let start = try instant(start)
  let schedule = try Schedule(CronExpression(expression), in: zone, from: start)
  return schedule.next(count, after: start).map(zone.text)
}

/// Why a text is no expression; nil if it is one.
func refusal(of text: String) -> CronError? {
  do throws(CronError) {
    _ = try CronExpression(text)
    return nil
  } catch {
    return error
  }
}
