import Metrics
import Testing

/// What a process counts until it is taken.
@Suite struct MeterTests {
  private let meter = Meter()

  private func taken() -> [String: Int] {
    Dictionary(meter.take().map { ($0.field, $0.amount) }, uniquingKeysWith: +)
  }

  @Test func `Counts of a series add up, and are taken once`() {
    let done = meter.series(.steps, ["done", "preprocess"])
    for _ in 1...3 { meter.add(done) }
    meter.add(meter.series(.steps, ["done", "preprocess"]), 4)
    meter.add(meter.series(.steps, ["failed", "preprocess"]))
    #expect(taken() == ["steps:done:preprocess": 7, "steps:failed:preprocess": 1])
    #expect(taken().isEmpty)
    meter.add(done)
    #expect(taken() == ["steps:done:preprocess": 1])
  }

  @Test func `An observation counts in the first bucket whose bound it does not exceed, and in the sum`() {
    let attempts = meter.series(.attemptSeconds, ["op"])
    for time in [Duration.zero, .milliseconds(1), .microseconds(1_001), .seconds(3_600), .seconds(4_000)] {
      meter.observe(attempts, time)
    }
    #expect(
      taken() == [
        "step_attempt_seconds:1000:op": 2, "step_attempt_seconds:5000:op": 1, "step_attempt_seconds:3600000000:op": 1,
        "step_attempt_seconds:rest:op": 1, "step_attempt_seconds:sum:op": 7_600_002_001,
      ])
    // A clock that went back makes no negative time.
    meter.observe(attempts, .seconds(-1))
    #expect(taken() == ["step_attempt_seconds:1000:op": 1])
  }

  @Test func `Series beyond the bound of a family are counted together, and those before it are still counted apart`() {
    let known = meter.series(.modelCalls, ["answered", "first"])
    for number in 0..<(Meter.mostSeries + 20) {
      meter.add(meter.series(.modelCalls, ["answered", "m\(number)"]))
    }
    meter.add(known)
    let counts = taken()
    #expect(counts["model_calls:other:other"] == 21)
    #expect(counts["model_calls:answered:first"] == 1)
    #expect(counts.count == Meter.mostSeries + 1)
    // Another family has its own.
    meter.add(meter.series(.modelCost, ["x"]), 5)
    #expect(taken() == ["model_cost:x": 5])
  }

  @Test func `Names that differ in their bytes alone are two series, and a long one is cut`() {
    meter.add(meter.series(.modelCost, ["e\u{301}"]))
    meter.add(meter.series(.modelCost, ["\u{e9}"]))
    meter.add(meter.series(.modelCost, [String(repeating: "x", count: 1_000)]))
    let fields = meter.take().map(\.field)
    #expect(fields.count == 3)
    #expect(fields.allSatisfy { $0.utf8.count <= 120 })
  }

  @Test func `A portion holds no more than is asked for, and the rest comes with the next`() {
    for number in 0..<10 { meter.add(meter.series(.modelCost, ["m\(number)"])) }
    let first = meter.take(atMost: 4)
    meter.add(meter.series(.modelCost, ["m0"]))
    #expect(first.count == 4)
    #expect(meter.take().map(\.amount).reduce(0, +) == 7)
  }

  @Test func `Threads that count at once lose nothing`() async {
    let series = meter.series(.fallbacks)
    await withTaskGroup { group in
      for _ in 1...8 { group.addTask { [meter] in for _ in 1...1_000 { meter.add(series) } } }
    }
    #expect(taken() == ["fallbacks": 8_000])
  }
}
