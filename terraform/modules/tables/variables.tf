variable "prefix" {
  description = "What the names of the tables begin with, before a hyphen."
  type        = string
  nullable    = false
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,39}$", var.prefix))
    error_message = "The prefix has 3 to 40 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "tables" {
  description = "Tables by name. Keys are named with their types (S, N or B); an index projects keys alone, or all."
  type = map(object({
    partition_key = object({ name = string, type = optional(string, "S") })
    sort_key      = optional(object({ name = string, type = optional(string, "S") }))
    indexes = optional(map(object({
      partition_key = object({ name = string, type = optional(string, "S") })
      sort_key      = object({ name = string, type = optional(string, "S") })
      projection    = string
    })), {})
    stream        = optional(string)
    ttl_attribute = optional(string)
  }))
  nullable = false
  validation {
    condition = alltrue(flatten([for t in values(var.tables) : [
      for key in concat([t.partition_key], t.sort_key == null ? [] : [t.sort_key], flatten([for i in values(t.indexes) : [i.partition_key, i.sort_key]])) :
      contains(["S", "N", "B"], key.type)
    ]]))
    error_message = "A key is of type S, N or B."
  }
  validation {
    condition     = alltrue(flatten([for t in values(var.tables) : [for name, i in t.indexes : length(name) >= 3 && contains(["KEYS_ONLY", "ALL"], i.projection)]]))
    error_message = "An index has a name of at least 3 characters and projects KEYS_ONLY or ALL."
  }
  validation {
    condition     = alltrue([for t in values(var.tables) : t.stream == null ? true : contains(["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"], t.stream)])
    error_message = "A stream shows KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES."
  }
}

variable "point_in_time_recovery" {
  description = "Whether each table can be restored to any second of the last 35 days."
  type        = bool
  nullable    = false
  default     = true
}

variable "deletion_protection" {
  description = "Whether tables refuse to be deleted."
  type        = bool
  nullable    = false
  default     = true
}

variable "encryption" {
  description = "Key that encrypts the tables; null leaves it to the key that DynamoDB owns."
  type        = object({ key_arn = string })
  nullable    = true
  default     = null
}
