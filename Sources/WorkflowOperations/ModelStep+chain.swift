import ExactJSON
import Workflow
import WorkflowLLM

extension ModelStep {
  /// The models of a step, and the one that is called now.
  struct Chain {
    private let models: [ChatModels.Named]
    private let position: Int

    /// - Parameter name: what is recorded of the model that is called now; nil before any other than the first. A name
    ///   that the chain does not have, because the operator has changed it meanwhile, leads to its beginning.
    init(_ models: [ChatModels.Named], at name: String?) {
      self.models = models
      position = name.flatMap { name in models.firstIndex { $0.name == name } } ?? 0
    }

    /// The model that is called now; nil where there is none of the names that a step gives.
    var current: ChatModels.Named? { models.isEmpty ? nil : models[position] }

    /// The model that is called when this one has failed; nil when it is the last.
    var next: ChatModels.Named? { position + 1 < models.count ? models[position + 1] : nil }

    /// A failure that names the model, where there are several.
    func naming(_ failure: StepFailure) -> StepFailure {
      guard models.count > 1, let current else { return failure }
      return StepFailure(failure.code, "\(current.name): \(failure.message)", failure.details)
    }
  }

  /// The chain of a step: the models that it names, else the configured ones.
  func chain(_ invocation: Invocation) -> Chain {
    let name = invocation.earlier?.alternative
    guard let given = invocation.params["model"], given != .null else { return Chain(models.defaultChain, at: name) }
    let names = given.arrayValue?.compactMap(\.stringValue) ?? [given.stringValue].compactMap(\.self)
    return Chain(names.compactMap { models[$0] }, at: name)
  }

  /// The next model of the chain, after the failure of a call.
  func alternative(after failure: StepFailure, _ invocation: Invocation) -> Alternative? {
    guard Self.isOfModel(failure.code) else { return nil }
    let chain = chain(invocation)
    guard let current = chain.current, let next = chain.next else { return nil }
    let (step, item) = (invocation.step, invocation.item)
    return Alternative(
      name: next.name, attempts: models.succession.attempts, longestRefusal: models.succession.longestRefusal
    ) { failure in
      .nextModel(step: step, item: item, .init(to: next.name, from: current.name, failure))
    }
  }

  /// Whether a failure of this kind is one of the model, and not of the step whichever model is called.
  private static func isOfModel(_ code: ErrorCode) -> Bool {
    switch code {
    case .timeout, .rateLimited, .providerUnavailable, .providerRejected, .invalidAnswer, .budgetExceeded: true
    case .referenceMissing, .outputTooLarge, .operationFailed, .workerCrashed, .invalidRequest: false
    }
  }

  /// The key of the calls of a model: that of the step for the first one. Any other has its own, because providers and
  /// gateways may answer a known key with the answer that they gave before. So has each part of a step.
  func idempotencyKey(_ invocation: Invocation, _ named: ChatModels.Named, part: String? = nil) -> String {
    let key = invocation.idempotencyKey + (part.map { "~\($0)" } ?? "")
    return invocation.earlier?.alternative == nil ? key : "\(key)#\(Self.headerText(named.name))"
  }

  /// A name as a header can carry it: bytes that are no visible ASCII are percent-encoded.
  private static func headerText(_ name: String) -> String {
    name.utf8.reduce(into: "") { text, byte in
      let isPlain = (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "%")
      let digits = String(byte, radix: 16, uppercase: true)
      text += isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + digits
    }
  }
}
