import Curl

extension ModelFailure {
  /// What a call may have cost that has failed. What certainly did no work costs nothing; of anything else that says
  /// nothing it is assumed that the model worked on it to the end.
  public enum Charge: Sendable, Equatable {
    /// Nothing: the model did not get the whole request, or refused to work on it.
    case none
    /// What the provider's count says, and the most that the call may cost of what it does not say.
    case counted
    /// The answer broke off: what the count says of the prompt, and the longest answer. A count of the answer that came
    /// before the break (Anthropic's first event has one) is not that of all that the model wrote.
    case unfinished
  }
}

extension ModelFailure.Charge {
  /// The charge of a call without a complete response.
  init(_ error: HTTPError) {
    switch error {
    case .invalidRequest, .cannotConnect, .refusedAddress, .untrusted, .tlsFailed, .proxyRefused, .unsent,
      .timedOut(.connecting), .timedOut(.sending):
      self = .none
    // A kept connection that the server has closed meanwhile may have carried the request to it all the same.
    case .interrupted, .timedOut(.waiting), .timedOut(.receiving), .timedOut(.idle), .tooLarge, .cancelled, .closed:
      self = .unfinished
    }
  }

  /// The charge of a call whose response has a status that is not 2xx.
  ///
  /// Azure charges for what was processed, whatever the status; it names 408 ("Plan to manage costs for Azure OpenAI").
  /// 424 says that the generation has failed (TGI), 499 that a gateway's client has gone. 500, 502 and 504 may be about
  /// a model that was at work, such as one behind a gateway.
  init(status: Int) {
    self =
      switch status {
      case 408, 424, 499: .counted
      case 300...499, 501, 503, 505, 529: .none
      default: .counted
      }
  }
}
