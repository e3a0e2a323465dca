import Testing
import Workflow

/// Faults of what runs and steps may say besides their graph.
@Suite struct FieldValidationTests {
  static let faultyRuns = [
    (#"{"run_name":"r","timeout_s":0,"steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.timeout_s"),
    (#"{"run_name":"r","timeout_s":"1","steps":[{"id":"a","op":"wait"}]}"#, "float_type at body.timeout_s"),
    (#"{"run_name":"r","delay_s":-1,"steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.delay_s"),
    (#"{"run_name":"r","delay_s":1e9,"steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.delay_s"),
    (#"{"run_name":"r","run_at":1,"steps":[{"id":"a","op":"wait"}]}"#, "string_type at body.run_at"),
    (#"{"run_name":"r","run_at":"soon","steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.run_at"),
    (
      #"{"run_name":"r","run_at":"2999-01-01T00:00:00","steps":[{"id":"a","op":"wait"}]}"#,
      "value_error at body.run_at"
    ),
    (
      #"{"run_name":"r","delay_s":1,"run_at":"2999-01-01T00:00:00Z","steps":[{"id":"a","op":"wait"}]}"#,
      "value_error at body.run_at"
    ),
    (#"{"run_name":"r","priority":"urgent","steps":[{"id":"a","op":"wait"}]}"#, "literal_error at body.priority"),
    (#"{"run_name":"r","priority":1,"steps":[{"id":"a","op":"wait"}]}"#, "string_type at body.priority"),
    (#"{"run_name":"r","retain_s":0,"steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.retain_s"),
    (#"{"run_name":"r","retain_s":1.5,"steps":[{"id":"a","op":"wait"}]}"#, "int_type at body.retain_s"),
    (#"{"run_name":"r","callback_url":1,"steps":[{"id":"a","op":"wait"}]}"#, "string_type at body.callback_url"),
    (#"{"run_name":"r","callback_url":null,"steps":[{"id":"a","op":"wait"}]}"#, "string_type at body.callback_url"),
    (#"{"run_name":"r","callback_url":"","steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.callback_url"),
    (#"{"run_name":"r","callback_url":"/x","steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.callback_url"),
    (
      #"{"run_name":"r","callback_url":"ftp://a/","steps":[{"id":"a","op":"wait"}]}"#,
      "value_error at body.callback_url"
    ),
    (
      #"{"run_name":"r","callback_url":"http:/a","steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.callback_url"
    ),
    (
      #"{"run_name":"r","callback_url":"http://é/","steps":[{"id":"a","op":"wait"}]}"#,
      "value_error at body.callback_url"
    ),
    (
      #"{"run_name":"r","callback_url":"http://a/ b","steps":[{"id":"a","op":"wait"}]}"#,
      "value_error at body.callback_url"
    ),
    (
      #"{"run_name":"r","callback_url":"http://a/\#(String(repeating: "x", count: 2_040))","steps":[{"id":"a","op":"wait"}]}"#,
      "value_error at body.callback_url"
    ),
    (#"{"run_name":"r","labels":["a"],"steps":[{"id":"a","op":"wait"}]}"#, "dict_type at body.labels"),
    (#"{"run_name":"r","labels":{"a":1},"steps":[{"id":"a","op":"wait"}]}"#, "string_type at body.labels.a"),
    (#"{"run_name":"r","labels":{"a b":"c"},"steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.labels.a b"),
    (#"{"run_name":"r","labels":{"":"c"},"steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.labels."),
    (#"{"run_name":"r","labels":{"a":"b\nc"},"steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.labels.a"),
    (#"{"run_name":"r","labels":{"a":"\u007f"},"steps":[{"id":"a","op":"wait"}]}"#, "value_error at body.labels.a"),
  ]

  @Test(arguments: faultyRuns)
  func `A fault of a run's field is named at its place`(body: String, fault: String) throws {
    #expect(try DefinitionReader.sample.summary(ofFaultsIn: body) == [fault])
  }

  @Test func `A callback_url is what the service lets pass`() throws {
    func body(_ url: String) -> String {
      #"{"run_name":"r","callback_url":"\#(url)","steps":[{"id":"a","op":"wait"}]}"#
    }
    for url in ["https://a.example/x?y=z", "HTTP://A", "http://a/" + String(repeating: "x", count: 2_039)] {
      #expect(try DefinitionReader.sample.read(text: body(url)).options.callback == url)
    }
    let faults = try DefinitionReader.sample.faults(in: body("http://refused"))
    #expect(faults.map(\.message) == ["Value error, it is refused"])
    let off = DefinitionReader(operations: ["wait": ParameterSchema([])])
    #expect(try off.faults(in: body("https://a.example/")).map(\.message) == ["Value error, \(Callbacks.areOff)"])
  }

  static let faultyForeach = [
    (#"{"id":"a","op":"wait","foreach":3}"#, "value_error at body.steps.0.foreach"),
    (#"{"id":"a","op":"wait","foreach":"text"}"#, "value_error at body.steps.0.foreach"),
    (#"{"id":"a","op":"wait","foreach":"@later.x"}"#, "value_error at body.steps.0.foreach"),
    (#"{"id":"a","op":"wait","foreach":["@item"]}"#, "value_error at body.steps.0.foreach.0"),
    (#"{"id":"a","op":"wait","foreach":"@inputs.none"}"#, "value_error at body.steps.0.foreach"),
    (#"{"id":"a","op":"wait","concurrency":3}"#, "value_error at body.steps.0.concurrency"),
    (#"{"id":"a","op":"wait","on_item_error":"keep"}"#, "value_error at body.steps.0.on_item_error"),
    (#"{"id":"a","op":"wait","foreach":[],"concurrency":0}"#, "value_error at body.steps.0.concurrency"),
    (#"{"id":"a","op":"wait","foreach":[],"on_item_error":"skip"}"#, "literal_error at body.steps.0.on_item_error"),
  ]

  @Test(arguments: faultyForeach)
  func `A fault of a step's foreach is named at its place`(step: String, fault: String) throws {
    let body = #"{"run_name":"r","steps":[\#(step)]}"#
    #expect(try DefinitionReader.sample.summary(ofFaultsIn: body) == [fault])
  }

  static let faultyRetries = [
    (#"{"id":"a","op":"wait","retry":3}"#, "dict_type at body.steps.0.retry"),
    (#"{"id":"a","op":"wait","retry":{"attempts":3}}"#, "extra_forbidden at body.steps.0.retry.attempts"),
    (#"{"id":"a","op":"wait","retry":{"max_attempts":0}}"#, "value_error at body.steps.0.retry.max_attempts"),
    (#"{"id":"a","op":"wait","retry":{"max_attempts":1.5}}"#, "int_type at body.steps.0.retry.max_attempts"),
    (#"{"id":"a","op":"wait","retry":{"delay_s":-1}}"#, "value_error at body.steps.0.retry.delay_s"),
    (#"{"id":"a","op":"wait","retry":{"delay_s":5,"max_delay_s":4}}"#, "value_error at body.steps.0.retry.delay_s"),
    (#"{"id":"a","op":"wait","retry":{"multiplier":0.5}}"#, "value_error at body.steps.0.retry.multiplier"),
    (#"{"id":"a","op":"wait","retry":{"jitter":1}}"#, "bool_type at body.steps.0.retry.jitter"),
    (#"{"id":"a","op":"wait","retry":{"total_s":2592001}}"#, "value_error at body.steps.0.retry.total_s"),
    (#"{"id":"a","op":"wait","retry":{"on":"timeout"}}"#, "list_type at body.steps.0.retry.on"),
    (#"{"id":"a","op":"wait","retry":{"on":[]}}"#, "too_short at body.steps.0.retry.on"),
    (
      #"{"id":"a","op":"wait","retry":{"on":["x","x","x","x","x","x","x","x","x","x","x"]}}"#,
      "too_long at body.steps.0.retry.on"
    ),
    (#"{"id":"a","op":"wait","retry":{"on":[1]}}"#, "string_type at body.steps.0.retry.on.0"),
    (#"{"id":"a","op":"wait","retry":{"on":["timeout","late"]}}"#, "literal_error at body.steps.0.retry.on.1"),
    (#"{"id":"a","op":"wait","retry":{"on":["worker_crashed"]}}"#, "literal_error at body.steps.0.retry.on.0"),
  ]

  @Test(arguments: faultyRetries)
  func `A fault of a step's retry is named at its place`(step: String, fault: String) throws {
    let body = #"{"run_name":"r","steps":[\#(step)]}"#
    #expect(try DefinitionReader.sample.summary(ofFaultsIn: body) == [fault])
  }
}
