import Curl
import ExactJSON
import Testing
import WorkflowStore

@testable import WorkflowWorker

/// The signature of a callback, and what follows from what a receiver does.
struct CallbackTests {
  /// The example of Standard Webhooks' libraries.
  @Test func `A signature is that of Standard Webhooks`() throws {
    let secrets = try #require(CallbackSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    let body = Array(#"{"test": 2432232314}"#.utf8)
    let known = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    #expect(secrets.signature(id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: body) == known)
    let both = try #require(
      CallbackSecrets("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA,\nMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw \n"))
    let signatures = both.signature(id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1_614_265_330, body: body)
    #expect(signatures.split(separator: " ").count == 2 && signatures.hasSuffix(" " + known))
  }

  @Test(arguments: [
    "", " ", "whsec_", "hush", "whsec_c2hvcnQ=", "whsec_not base64 at all, and long enough for a secret",
    "whsec_" + String(repeating: "A", count: 88),
    Array(repeating: String(repeating: "A", count: 32), count: 5).joined(separator: ","),
  ])
  func `What is no secret is refused`(_ text: String) { #expect(CallbackSecrets(text) == nil) }

  /// Status, headers, and what follows the first attempt.
  static let answers: [(Int, [(String, String)], String)] = [
    (200, [], "delivered"), (204, [], "delivered"), (299, [], "delivered"),
    (301, [], "again in 5 s"), (302, [("Location", "http://127.0.0.1/")], "again in 5 s"), (308, [], "again in 5 s"),
    (400, [], "again in 5 s"), (401, [], "again in 5 s"), (404, [], "again in 5 s"), (410, [], "dead"),
    (429, [], "again in 5 s"), (429, [("Retry-After", "120")], "again in 120 s"),
    (429, [("Retry-After", "1")], "again in 5 s"), (429, [("Retry-After", "soon")], "again in 5 s"),
    (503, [("retry-after", "7200")], "again in 7200 s"), (503, [("Retry-After", "99999999")], "again in 86400 s"),
    (500, [("Retry-After", "120")], "again in 5 s"), (500, [], "again in 5 s"), (502, [], "again in 5 s"),
    (504, [], "again in 5 s"),
  ]

  private func follows(_ answer: CallbackAnswer, attempt: Int = 1) -> String {
    switch answer.outcome(attempt: attempt, random: 0.5) {
    case .delivered: "delivered"
    case .repeated(let wait, _, _): "again in \(wait.components.seconds) s"
    case .dead: "dead"
    case .givenBack: "given back"
    }
  }

  @Test(arguments: answers)
  func `What follows from an answer`(_ status: Int, _ headers: [(String, String)], _ what: String) throws {
    let url = try HTTPURL("https://hooks.example.com/a?token=secret")
    let answer = CallbackAnswer(status, headers: headers.map { (name: $0.0, value: $0.1) }, from: url)
    #expect(follows(answer) == what && answer.status == status)
    #expect(!answer.reason.contains("secret") && answer.reason.isEmpty == (what == "delivered"))
    #expect(answer.isOfTroubledReceiver == ([429].contains(status) || status >= 500))
    if (300..<400).contains(status) { #expect(answer.reason.contains("redirects are not followed")) }
  }

  @Test func `What follows when there is no answer`() throws {
    let url = try HTTPURL("https://hooks.example.com/a?token=secret")
    let address = try #require(IPAddress("10.1.2.3"))
    let table: [(HTTPError, String)] = [
      (.cannotConnect("refused"), "again in 5 s"), (.timedOut(.connecting), "again in 5 s"),
      (.timedOut(.waiting), "again in 5 s"), (.interrupted("reset"), "again in 5 s"),
      (.timedOut(.sending), "again in 5 s"), (.unsent("reset"), "again in 5 s"),
      (.untrusted("expired"), "again in 5 s"), (.tlsFailed("no"), "again in 5 s"),
      (.tooLarge(limit: 1), "again in 5 s"),
      (.refusedAddress(address), "dead"), (.invalidRequest("no"), "dead"), (.cancelled, "given back"),
      (.closed, "given back"),
    ]
    for (error, what) in table {
      let answer = CallbackAnswer(error, from: url, timeout: .seconds(15), connectTimeout: .seconds(10))
      #expect(follows(answer) == what, "\(error)")
      #expect(!answer.reason.contains("secret") && !answer.reason.contains("10.1.2.3"))
    }
  }

  @Test func `A callback is sent eleven times in about a day`() throws {
    let url = try HTTPURL("https://hooks.example.com/")
    let failed = CallbackAnswer(500, headers: [], from: url)
    let waits = (1...10).map { follows(failed, attempt: $0) }
    #expect(waits == CallbackWaits.seconds.map { "again in \($0) s" })
    #expect(follows(failed, attempt: 11) == "dead" && follows(failed, attempt: 12) == "dead")
    let total = CallbackWaits.seconds.reduce(0, +)
    #expect((20 * 3_600...28 * 3_600).contains(total))
    for attempt in 1...10 {
      let bound = Double(CallbackWaits.seconds[attempt - 1])
      for random in [0.0, 0.3, 1] {
        let wait = try #require(CallbackWaits.wait(after: attempt, random: random))
        #expect(wait >= .seconds(bound * 0.79) && wait <= .seconds(bound * 1.21))
      }
    }
  }

  @Test func `A receiver that fails gets one callback at a time, and the others as many as before`() {
    let slots = CallbackSlots()
    for _ in 0..<3 { slots.begin("slow") }
    slots.begin("good")
    slots.end("slow", pace: .seconds(15), hasFailed: true)
    let slow = slots.rooms.first { $0.host == "slow" }
    #expect(slow?.room == 0 && slow?.pause == .seconds(15))
    #expect(slots.rooms.first { $0.host == "good" }?.room == CallbackSlots.mostPerHost - 1)
    #expect(slots.sending == 3 && slots.free == CallbackSlots.most - 3)
    for _ in 0..<2 { slots.end("slow", pace: .seconds(15), hasFailed: true) }
    #expect(slots.rooms.first { $0.host == "slow" }?.room == 1)
    slots.begin("slow")
    slots.end("slow", pace: .milliseconds(1), hasFailed: false)
    slots.end("good", pace: .milliseconds(1), hasFailed: false)
    #expect(slots.rooms.isEmpty && slots.sending == 0)
  }
}
