/// Submits a body to an API that may be away for a while, as during a restart of it or of nginx.
///
/// Each submission has an `Idempotency-Key` that no other has, so that a repeated one is the same run, also where an
/// answer was lost.
struct Submission {
  let client: APIClient
  /// How long the API may be away.
  var patience = Duration.seconds(60)
  /// Called once, with why a submission is repeated.
  var say: @Sendable (String) -> Void = { Terminal.say("wf: \($0)") }

  /// Submits a body; again after `Retry-After`, or a second, where that may help.
  /// - Returns: the job's id.
  func submit(_ body: [UInt8]) async throws -> String {
    let key = "wf-run-\(UInt64.random(in: 0...(.max)))-\(UInt64.random(in: 0...(.max)))"
    let deadline = ContinuousClock.now + patience
    var isTold = false
    while true {
      do {
        return try await client.submit(body, key: key)
      } catch let failure as CommandFailure where failure.isTransient {
        let pause = failure.retryAfter ?? .seconds(1)
        guard ContinuousClock.now + pause < deadline else { throw failure }
        if !isTold { say("\(failure) Trying again for up to \(patience.components.seconds) s.") }
        isTold = true
        try await Task.sleep(for: pause)
      }
    }
  }
}
