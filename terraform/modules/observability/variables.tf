variable "prefix" {
  description = "What the names of alarms, topics and the dashboard begin with, before a hyphen."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,39}$", var.prefix))
    error_message = "The prefix has 3 to 40 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "alarms" {
  description = <<-EOT
    Alarms by name. Each has the service it belongs to, a severity (`page` wakes somebody, `ticket` waits for the morning), the name of
    its runbook, and either one metric, or a formula over metrics by id. `missing` says what silence means.
  EOT
  type = map(object({
    description = string
    service     = string
    severity    = string
    runbook     = string
    metric = optional(object({
      namespace  = string
      name       = string
      dimensions = optional(map(string), {})
      statistic  = string
    }))
    formula = optional(string)
    metrics = optional(map(object({
      namespace  = string
      name       = string
      dimensions = optional(map(string), {})
      statistic  = string
    })), {})
    comparison = optional(string, "GreaterThanThreshold")
    threshold  = number
    period     = optional(number, 60)
    periods    = optional(number, 1)
    datapoints = optional(number)
    missing    = optional(string, "notBreaching")
  }))
  nullable = false
  validation {
    condition     = alltrue([for a in values(var.alarms) : contains(["page", "ticket"], a.severity)])
    error_message = "An alarm's severity is page or ticket."
  }
  validation {
    condition     = alltrue([for a in values(var.alarms) : (a.metric == null) != (a.formula == null)])
    error_message = "An alarm looks at one metric or at a formula, not both."
  }
  validation {
    condition     = alltrue([for a in values(var.alarms) : coalesce(a.datapoints, a.periods) <= a.periods])
    error_message = "An alarm cannot need more datapoints than it looks at."
  }
  validation {
    condition     = alltrue([for a in values(var.alarms) : contains(["breaching", "notBreaching", "ignore", "missing"], a.missing)])
    error_message = "Missing data is breaching, notBreaching, ignore or missing."
  }
  validation {
    condition     = alltrue([for a in values(var.alarms) : can(regex("^[a-z][a-z0-9-]*$", a.runbook)) && length(a.description) > 0])
    error_message = "An alarm says what it means and names its runbook."
  }
}

variable "service_alarms" {
  description = "Whether each service has an alarm that sums up its others."
  type        = bool
  nullable    = false
  default     = true
}

variable "runbooks" {
  description = "Where the runbooks are, as a URL or a path of the repository."
  type        = string
  nullable    = false
  default     = "docs/runbooks"
  validation {
    condition     = !endswith(var.runbooks, "/") && length(var.runbooks) > 0
    error_message = "The place of the runbooks ends without a slash."
  }
}

variable "emails" {
  description = "Who is written to, by severity. Each address has to confirm once."
  type = object({
    page   = optional(set(string), [])
    ticket = optional(set(string), [])
  })
  nullable = false
  default  = {}
  validation {
    condition     = alltrue([for address in setunion(var.emails.page, var.emails.ticket) : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "An address looks like name@example.com."
  }
}

variable "dashboard" {
  description = "Rows of the dashboard, each with its widgets side by side; a widget draws metrics, or formulas over those that have an id."
  type = list(object({
    title = string
    widgets = list(object({
      title = string
      metrics = list(object({
        namespace  = string
        name       = string
        dimensions = optional(map(string), {})
        statistic  = string
        label      = optional(string)
        id         = optional(string)
        visible    = optional(bool, true)
      }))
      formulas = optional(map(string), {})
    }))
  }))
  nullable = false
  default  = []
  validation {
    condition     = alltrue([for row in var.dashboard : length(row.widgets) >= 1 && length(row.widgets) <= 4])
    error_message = "A row holds 1 to 4 widgets."
  }
}

variable "budget" {
  description = "What a month may cost in US dollars, by the tag `service`, and who is written to at 80 % and when it is forecast to be passed; null sets none."
  type        = object({ monthly_usd = number, service = string, emails = set(string) })
  nullable    = true
  default     = null
  validation {
    condition     = var.budget == null ? true : var.budget.monthly_usd > 0 && length(var.budget.emails) > 0
    error_message = "A budget is above zero and tells somebody."
  }
}

variable "encryption" {
  description = "Key that encrypts what the topics hold; null leaves it unencrypted, which is for emulators."
  type        = object({ key_arn = string })
  nullable    = true
  default     = null
}
