/// A call of a model that is to begin, and what all workers together may ask of that model and spend.
public struct ModelCall: Sendable {
  /// The model's name.
  public let model: String
  /// The name under which it is counted: that of a configured model, else `other`.
  public var countedAs: String
  /// What it is for: the same for every attempt of a step, or of an item or a part of it, and of no other.
  public let id: String
  /// Of this call alone.
  public let nonce: String
  /// The run that it is for.
  public let run: String
  /// The step of it.
  public let step: String
  /// Whose run that is; nil without API keys.
  public let owner: String?
  /// How long it may take.
  public var timeout = Duration.seconds(60)
  /// Whether its caller waits for its turn, however long that is.
  public var waitsInPlace = false
  /// The tokens that it may take: those of the prompt, and of the longest answer.
  public var tokens = 0
  /// Calls at the same time; nil for any number.
  public var callLimit: Int?
  /// Calls a minute; nil for any number.
  public var requestRate: Int?
  /// Tokens a minute; nil for any number.
  public var tokenRate: Int?
  /// The most that it may cost; nil where no price is known.
  public var greatestCost: Cost?
  /// How much of that is for the answer.
  public var greatestAnswerCost: Cost?
  /// What the run may spend; nil for any amount.
  public var runBudget: Cost?
  /// What the owner's runs together may spend in a day (UTC); nil for any amount.
  public var dayBudget: Cost?

  /// Whether anything limits it: how often the model is called, or what may be spent.
  public var isLimited: Bool {
    callLimit != nil || requestRate != nil || tokenRate != nil || runBudget != nil || dayBudget != nil
  }

  /// A call without limits.
  public init(model: String, id: String, nonce: String, run: String, step: String, owner: String? = nil) {
    self.model = model
    countedAs = model
    self.id = id
    self.nonce = nonce
    self.run = run
    self.step = step
    self.owner = owner
  }
}

/// Whether a call of a model may begin.
public enum ModelAdmission: Sendable, Equatable {
  /// It may, and counts as under way until its end is recorded.
  case admitted
  /// It is to ask again after a time. `why`: how the last call failed, where the model is left alone and that is known.
  case wait(Duration, Reason, why: String? = nil)
  /// It would cost more than may be spent: `left` is what remains of that.
  case overspent(Budget, left: Cost)

  /// What a call waits for.
  public enum Reason: String, Sendable, Equatable {
    /// The model keeps failing.
    case cooldown
    /// As many calls began as may in a minute.
    case requests
    /// As many tokens were asked for as may in a minute.
    case tokens
    /// As many calls are under way as may at the same time.
    case calls
    /// What calls under way may cost leaves nothing; they may cost less.
    case budget

    /// Whether the model itself is why: the time for all attempts of a step counts on.
    var isOfModel: Bool { self == .cooldown }
  }

  /// A limit on what may be spent.
  public enum Budget: String, Sendable, Equatable {
    /// Of the run (`max_cost`).
    case run
    /// Of its owner, for a day.
    case day
  }
}

/// How a call of a model has ended.
public struct ModelCallEnd: Sendable, Equatable {
  /// What it says of the model.
  public enum Outcome: String, Sendable, Equatable, CaseIterable {
    /// The model answered.
    case answered
    /// The model refused the call.
    case refused
    /// The model refused it because there are too many.
    case limited
    /// The model could not be reached, was too slow or failed.
    case broken
    /// It was aborted.
    case aborted
  }

  /// What it says of the model.
  public var outcome: Outcome
  /// What it has used. Its cost is nil where no price is known, or where it counts as what was reserved for it.
  public var usage: ModelUsage
  /// How it failed, in words that everybody may see; nil where it did not.
  public var failure: String?
  /// How long it took.
  public var took: Duration
  /// How long it took until the first text of its answer; nil where its text is not passed on, or there was none.
  public var firstText: Duration?

  /// An end.
  public init(
    _ outcome: Outcome, usage: ModelUsage = ModelUsage(), took: Duration = .zero, firstText: Duration? = nil
  ) {
    self.outcome = outcome
    self.usage = usage
    self.took = took
    self.firstText = firstText
  }
}

/// When a model that keeps failing is left alone by all workers.
public struct CooldownPolicy: Sendable, Equatable {
  /// Failed calls in a row after which no call begins for a while.
  public var failures = 5
  /// How long that is at first; it doubles each time that the call after it fails.
  public var first = Duration.seconds(1)
  /// How long that is at most; zero for never.
  public var longest = Duration.seconds(30)

  /// The usual policy.
  public init() {}
}
