import ExactJSON
import FastCGI
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowAPI

@Suite(.timeLimit(.minutes(5))) struct SubmitRouteTests {
  private let api: TestAPI

  init() throws { api = try TestAPI() }

  @Test func `A valid body is accepted with the id and the address of its status`() async throws {
    let answer = await api.post(TestAPI.body)
    #expect(answer.status == 202)
    let id = try #require(answer.json["job_id"]?.stringValue)
    #expect(answer.text == #"{"job_id":"\#(id)","status_url":"/status/\#(id)"}"#)
    #expect(answer.header("Location") == "/status/\(id)")
    #expect(answer.header("Content-Type") == "application/json")
    #expect(answer.header("Cache-Control") == "no-store")
    let job = try #require(JobID(id))
    let facts = try await api.partitions.store(of: job).facts(of: job)
    #expect(facts?.status == .queued && facts?.runName == "r")
  }

  @Test func `The id of the request becomes the id of the job`() async {
    let answer = await api.answer(
      "POST", "/workflow/run", headers: ["Content-Type": "application/json"],
      parameters: ["REMOTE_ADDR": "unix:", "REQUEST_ID": "0123456789abcdef0123456789abcdef"],
      body: .complete(Array(TestAPI.body.utf8)))
    #expect(answer.json["job_id"] == "01234567-89ab-4def-8123-456789abcdef")
    #expect(answer.header("X-Request-ID") == "0123456789abcdef0123456789abcdef")
  }

  @Test(arguments: [
    ("", ["missing at body"]), ("{", ["json_invalid at body.1"]), ("[]", ["model_attributes_type at body"]),
    (#"{"run_name":"r","steps":[{"id":"a","op":"no"}]}"#, ["literal_error at body.steps.0.op"]),
  ])
  func `A body with faults is a 422 with each of them`(_ body: String, _ faults: [String]) async {
    let answer = await api.post(body)
    #expect(answer.status == 422)
    #expect(answer.faults == faults)
  }

  @Test func `A body over the limit is a 413 that names the setting`() async {
    let answer = await api.answer("POST", "/workflow/run", body: .tooLarge(limit: 1_000))
    #expect(answer.status == 413)
    #expect(answer.text.contains("1000 bytes (WF_MAX_BODY_BYTES)"))
  }

  @Test(
    arguments: [
      ["Content-Type": "text/plain"], ["Content-Type": "application/json; charset=utf-16"],
      ["Content-Type": "application/json", "Content-Encoding": "gzip"], ["Sec-Fetch-Site": "cross-site"],
      ["Sec-Fetch-Site": "Same-Site"], ["Host": "localhost", "Origin": "https://evil.example"],
      ["Host": "localhost", "Origin": "null"],
    ] as [KeyValuePairs<String, String>])
  func `A body in another type or coding, or from another site, is a 415`(_ headers: KeyValuePairs<String, String>)
    async
  {
    let answer = await api.post(TestAPI.body, headers: headers)
    #expect(answer.status == 415)
    let isCoded = headers.contains { $0.key == "Content-Encoding" }
    #expect(answer.header("Accept-Encoding") == (isCoded ? "identity" : nil))
  }

  @Test(
    arguments: [
      [:], ["Content-Encoding": "Identity"], ["Sec-Fetch-Site": "same-origin"],
      ["Host": "localhost:8000", "Origin": "http://localhost:8000"],
    ] as [KeyValuePairs<String, String>])
  func `A body without a type is accepted, unless it is from another site`(_ headers: KeyValuePairs<String, String>)
    async
  {
    #expect(await api.post(TestAPI.body, headers: headers).status == 202)
  }

  @Test func `An idempotency key is bound to one body`() async throws {
    let headers: KeyValuePairs = ["Idempotency-Key": "k"]
    let first = await api.post(TestAPI.body, headers: headers)
    let again = await api.post(TestAPI.body, headers: headers)
    #expect(first.status == 202 && again.status == 202)
    #expect(first.json["job_id"] != nil && first.json["job_id"] == again.json["job_id"])
    let other = await api.post(TestAPI.body.replacing("\"r\"", with: "\"s\""), headers: headers)
    #expect(other.status == 409)
    #expect(other.header("Location") == first.header("Location"))
  }

  @Test(
    arguments: [
      ["Idempotency-Key": ""], ["Idempotency-Key": "a,b"], ["Idempotency-Key": "a", "Idempotency-Key": "a"],
      ["Idempotency-Key": "ü"], ["Idempotency-Key": String(repeating: "k", count: 256)],
    ] as [KeyValuePairs<String, String>])
  func `Any other key than one of 1 to 255 printable characters is a 422`(_ headers: KeyValuePairs<String, String>)
    async
  {
    let answer = await api.post(TestAPI.body, headers: headers)
    #expect(answer.status == 422)
    #expect(answer.faults == ["value_error at header.idempotency-key"])
  }
}
