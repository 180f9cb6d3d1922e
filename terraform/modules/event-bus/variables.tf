variable "name" {
  description = "Name of the bus."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,39}$", var.name))
    error_message = "The bus is named with 3 to 40 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "publishers" {
  description = "Who may put events on the bus, by statement id: its role, and the event sources it may speak for."
  type        = map(object({ role_arn = string, sources = set(string) }))
  nullable    = false
  default     = {}
  validation {
    condition     = alltrue([for sid, p in var.publishers : can(regex("^[A-Za-z0-9]+$", sid))])
    error_message = "A publisher's statement id is alphanumeric."
  }
  validation {
    condition     = alltrue([for p in values(var.publishers) : length(p.sources) > 0 && alltrue([for s in p.sources : !startswith(s, "aws.") && !strcontains(s, "*")])])
    error_message = "A publisher names at least one source, none with a wildcard and none of AWS's own."
  }
}

variable "archive_days" {
  description = "How long events are kept for a replay; 0 keeps no archive."
  type        = number
  nullable    = false
  default     = 7
  validation {
    condition     = var.archive_days >= 0 && var.archive_days <= 365 && floor(var.archive_days) == var.archive_days
    error_message = "Events are archived for 0 to 365 whole days."
  }
}

variable "encryption" {
  description = "Key that encrypts events at rest; null leaves it to the key that EventBridge manages."
  type        = object({ key_arn = string })
  nullable    = true
  default     = null
}
