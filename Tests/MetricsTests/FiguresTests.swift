import Metrics
import Testing

/// What is shown of the sums.
@Suite struct FiguresTests {
  private func text(_ format: ExpositionFormat = .text, _ fill: (inout MetricFigures) -> Void) -> String {
    var figures = MetricFigures()
    fill(&figures)
    return String(decoding: figures.text(format), as: UTF8.self)
  }

  @Test func `Sums of several partitions add up, by family and labels`() {
    let text = text { figures in
      for amount in [2, 3] { figures.add(.init("runs_ended:finished", amount)) }
      figures.add(.init("runs_ended:failed", 1))
    }
    #expect(
      text == """
        # HELP wf_runs_ended_total Runs that have ended.
        # TYPE wf_runs_ended_total counter
        wf_runs_ended_total{outcome="failed"} 1
        wf_runs_ended_total{outcome="finished"} 5

        """)
  }

  @Test func `A histogram's buckets are cumulative, and end with all observations`() {
    let text = text { figures in
      for (part, count) in [("1000", 2), ("5000", 3), ("rest", 1), ("sum", 4_500_000)] {
        figures.add(.init("step_attempt_seconds:\(part):op", count))
      }
    }
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(lines.first == #"wf_step_attempt_seconds_bucket{op="op",le="0.001"} 2"#)
    #expect(lines[1] == #"wf_step_attempt_seconds_bucket{op="op",le="0.005"} 5"#)
    #expect(lines.suffix(4).first == #"wf_step_attempt_seconds_bucket{op="op",le="3600.0"} 5"#)
    #expect(
      lines.suffix(3) == [
        #"wf_step_attempt_seconds_bucket{op="op",le="+Inf"} 6"#, #"wf_step_attempt_seconds_sum{op="op"} 4.5"#,
        #"wf_step_attempt_seconds_count{op="op"} 6"#,
      ])
  }

  @Test func `What an older version counted by other bounds goes into the bucket that it fits in`() {
    let text = text { $0.add(.init("step_attempt_seconds:1500:op", 2)) }
    #expect(text.contains(#"le="0.001"} 0"#))
    #expect(text.contains(#"le="0.005"} 2"#))
  }

  @Test func `Fields of another form, and of families that are not known, are left out`() {
    let text = text { figures in
      for field in [
        "", ":", "runs_ended", "fallbacks:x:y", "later:a", "step_attempt_seconds", "wf_redis_up", "redis_up",
      ] {
        figures.add(.init(field, 1))
      }
      figures.add(.init("step_attempt_seconds:wide:op", 1))
    }
    #expect(
      !text.contains("later") && !text.contains("fallbacks") && !text.contains("redis_up")
        && !text.contains("runs_ended"))
  }

  @Test func `A label may be any text`() {
    let name = "a:b \"c\"\\d\ne{}"
    let text = text { figures in
      figures.add(.init("model_calls:answered:\(name)", 1))
      figures.add(.init("model_cost:m", 2_500_000_000))
    }
    #expect(text.contains(#"wf_model_calls_total{outcome="answered",model="a:b \"c\"\\d\ne{}"} 1"#))
    #expect(text.contains(#"wf_model_cost_total{model="m"} 2.5"#))
  }

  @Test func `OpenMetrics names a counter without its suffix, and ends with a mark`() {
    let text = text(.openMetrics) { $0.addInitial() }
    #expect(text.contains("# TYPE wf_fallbacks counter\nwf_fallbacks_total 0\n"))
    #expect(text.hasSuffix("# EOF\n"))
  }

  @Test func `Each name keeps to the conventions`() {
    for family in MetricFamily.all {
      #expect(family.name.hasPrefix("wf_"))
      #expect(family.name.hasSuffix("_total") == (family.kind == .counter), "\(family.name)")
      #expect(family.name.hasSuffix("_seconds") || family.kind != .histogram, "\(family.name)")
      #expect(family.bounds == Array(Set(family.bounds)).sorted(), "\(family.name)")
      #expect(family.help.hasSuffix("."), "\(family.name)")
      #expect(family.initial.allSatisfy { $0.count == family.labels.count }, "\(family.name)")
    }
    #expect(Set(MetricFamily.all.map(\.name)).count == MetricFamily.all.count)
  }

  @Test(arguments: [
    ("", ExpositionFormat.text), ("*/*", .text), ("text/plain", .text), ("text/html, */*;q=0.8", .text),
    ("application/openmetrics-text", .openMetrics), ("Application/OpenMetrics-Text ; version=1.0.0", .openMetrics),
    ("application/openmetrics-text;version=2.0.0", .text), ("application/openmetrics-text;q=0", .text),
    ("application/openmetrics-text;q=0.3,text/plain;q=0.5", .text),
    (
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
        + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
    ),
    (";;,,;q=x,q=,application/openmetrics-text;q=nan", .openMetrics),
  ])
  func `The format follows from what a client accepts`(accept: String, format: ExpositionFormat) {
    #expect(ExpositionFormat(accept: [accept]) == format)
  }
}
