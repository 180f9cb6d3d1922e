variable "name" {
  description = "Name of the function."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,59}$", var.name))
    error_message = "A function is named with 3 to 60 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "description" {
  description = "What the function is for, in a sentence."
  type        = string
  nullable    = false
  validation {
    condition     = length(var.description) >= 1 && length(var.description) <= 256
    error_message = "A description has 1 to 256 characters."
  }
}

variable "zip" {
  description = "Path of the zip with the binary `bootstrap`, built for the architecture."
  type        = string
  nullable    = false
  validation {
    condition     = fileexists(var.zip)
    error_message = "There is no zip at this path: build the functions first."
  }
}

variable "architectures" {
  description = "Instruction set of the binary, as Lambda names it."
  type        = list(string)
  nullable    = false
  default     = ["arm64"]
  validation {
    condition     = length(var.architectures) == 1 && alltrue([for a in var.architectures : contains(["arm64", "x86_64"], a)])
    error_message = "The architecture is exactly one of arm64 and x86_64."
  }
}

variable "memory_size" {
  description = "Memory in MB; processor time grows with it, one whole core at 1769."
  type        = number
  nullable    = false
  default     = 512
  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240
    error_message = "Lambda gives a function 128 to 10240 MB."
  }
}

variable "timeout" {
  description = "Seconds after which an invocation is ended."
  type        = number
  nullable    = false
  default     = 10
  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900
    error_message = "An invocation takes 1 to 900 seconds."
  }
}

variable "reserved_concurrency" {
  description = "Copies that are kept for this function and that it never exceeds; -1 reserves none."
  type        = number
  nullable    = false
  default     = -1
  validation {
    condition     = var.reserved_concurrency == -1 || var.reserved_concurrency >= 1
    error_message = "Reserve at least 1, or none with -1: 0 would stop the function."
  }
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
  nullable    = false
  default     = {}
  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !startswith(name, "AWS_")])
    error_message = "Variables are named in capitals, and none begins with AWS_, which Lambda keeps for itself."
  }
}

variable "calls" {
  description = "IAM actions that the code calls. The statements grant exactly these."
  type        = set(string)
  nullable    = false
  default     = []
}

variable "statements" {
  description = "What the code may do, by statement id; conditions by the key that they look at, as a test and its values."
  type = map(object({
    actions    = set(string)
    resources  = list(string)
    conditions = optional(map(object({ test = string, values = list(string) })), {})
  }))
  nullable = false
  default  = {}
  validation {
    condition     = alltrue([for sid in keys(var.statements) : can(regex("^[A-Z][A-Za-z0-9]*$", sid))])
    error_message = "A statement id is alphanumeric and begins with a capital."
  }
  validation {
    condition     = alltrue(flatten([for s in values(var.statements) : [for a in s.actions : can(regex("^[a-z0-9-]+:[A-Za-z]+$", a))]]))
    error_message = "Actions are named in full, as service:Action, without wildcards."
  }
  validation {
    condition     = alltrue(flatten([for s in values(var.statements) : [for r in s.resources : r != "*"]]))
    error_message = "A statement names its resources; `*` is none."
  }
  validation {
    condition     = length(setsubtract(toset(flatten([for s in values(var.statements) : tolist(s.actions)])), var.calls)) == 0
    error_message = "A statement grants an action that the code does not call."
  }
  validation {
    condition     = length(setsubtract(var.calls, toset(flatten([for s in values(var.statements) : tolist(s.actions)])))) == 0
    error_message = "The code calls an action that no statement grants."
  }
}

variable "keys" {
  description = "KMS keys behind what the function reads and writes, by statement id: the key, and the services that use it for the function."
  type        = map(object({ key_arn = string, services = list(string) }))
  nullable    = false
  default     = {}
  validation {
    condition     = alltrue([for sid, key in var.keys : can(regex("^[A-Z][A-Za-z0-9]*$", sid)) && length(key.services) > 0])
    error_message = "A key needs an alphanumeric statement id that begins with a capital, and at least one service."
  }
}

variable "encryption" {
  description = "Key that encrypts environment variables, logs and messages that failed; null leaves it to the services' own keys."
  type        = object({ key_arn = string })
  nullable    = true
  default     = null
}

variable "log_retention_days" {
  description = "How long log lines are kept."
  type        = number
  nullable    = false
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch Logs keeps lines for one of its own numbers of days, such as 7, 30, 90 or 365."
  }
}

variable "tracing" {
  description = "X-Ray: `Active` samples requests, `PassThrough` follows the caller."
  type        = string
  nullable    = false
  default     = "Active"
  validation {
    condition     = contains(["Active", "PassThrough"], var.tracing)
    error_message = "Tracing is Active or PassThrough."
  }
}

variable "vpc" {
  description = "Private subnets and security groups of a function that reaches the cache; null runs it outside of a VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  nullable    = true
  default     = null
}

variable "queues" {
  description = "Queues that feed the function, by name: how many messages a call takes, and how many calls at once."
  type = map(object({
    arn                 = string
    batch_size          = optional(number, 10)
    maximum_concurrency = optional(number, 50)
  }))
  nullable = false
  default  = {}
  validation {
    condition     = alltrue([for q in values(var.queues) : q.batch_size >= 1 && q.batch_size <= 10])
    error_message = "A call takes 1 to 10 messages: more would need a batching window, which delays prices."
  }
  validation {
    condition     = alltrue([for q in values(var.queues) : q.maximum_concurrency >= 2 && q.maximum_concurrency <= 1000])
    error_message = "A queue is read by 2 to 1000 calls at once."
  }
}

variable "streams" {
  description = "DynamoDB streams that feed the function, by name."
  type = map(object({
    arn                    = string
    batch_size             = optional(number, 100)
    parallelization_factor = optional(number, 10)
    maximum_retries        = optional(number, 8)
    maximum_record_age     = optional(number, 3600)
  }))
  nullable = false
  default  = {}
  validation {
    condition     = alltrue([for s in values(var.streams) : s.batch_size >= 1 && s.batch_size <= 1000 && s.parallelization_factor >= 1 && s.parallelization_factor <= 10])
    error_message = "A call takes 1 to 1000 records, and a shard is read by 1 to 10 calls at once."
  }
  validation {
    condition     = alltrue([for s in values(var.streams) : s.maximum_retries >= 0 && s.maximum_retries <= 100 && s.maximum_record_age >= 60 && s.maximum_record_age <= 86400])
    error_message = "A stream is retried at most 100 times and for 60 to 86400 seconds: without a bound, one bad record blocks its shard for a day."
  }
}

variable "stream_failures" {
  description = "Queue for stream records that were given up; needed with streams."
  type        = object({ arn = string })
  nullable    = true
  default     = null
  validation {
    condition     = length(var.streams) == 0 || var.stream_failures != null
    error_message = "A stream needs a queue for the records that are given up."
  }
}

variable "schedule" {
  description = "When the function is called by the clock, such as `rate(1 minute)`; null is never."
  type        = string
  nullable    = true
  default     = null
  validation {
    condition     = var.schedule == null || can(regex("^(rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)|cron\\([^ ]+( [^ ]+){5}\\))$", var.schedule))
    error_message = "A schedule is a rate such as `rate(1 minute)` or a cron expression of six fields."
  }
}

variable "asynchronous" {
  description = "What happens to calls that nobody waits for, those of the schedule among them."
  type = object({
    maximum_attempts = optional(number, 1)
    maximum_age      = optional(number, 120)
  })
  nullable = false
  default  = {}
  validation {
    condition     = var.asynchronous.maximum_attempts >= 0 && var.asynchronous.maximum_attempts <= 2 && var.asynchronous.maximum_age >= 60 && var.asynchronous.maximum_age <= 21600
    error_message = "Lambda tries again 0 to 2 times and for 60 to 21600 seconds."
  }
}
