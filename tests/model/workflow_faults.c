/* Every way in which a workflow can be wrong before a topology is known, with
 * the line, the sentence and the hint that its author gets.  Where a case does
 * not begin with a section of its own kind, a sound head stands before it, and
 * its lines are counted from 1. */
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/model/workflow.h"
#include "tests/model/cases.h"
#include "tests/model/catalogue.h"

#include <string.h>

/* clang-format off */
static const struct sb_case cases[] = {
    { "a sound step has no fault",
      "[step a]\n"
      "action = database.recover\n"
      "for each = database where fail over = yes and not mirror\n"
      "on = ${database.backup}\n"
      "evidence = silent\n"
      "retry = 3 every 10s\n"
      "timeout = 30m\n"
      "undo = none\n",
      "" },
    { "a file without a workflow is refused",
      "ALONE\n"
      "[step a]\n"
      "action = pool.observe\n",
      "there is no workflow in this file\n"
      "HINT: A workflow begins with [workflow NAME].\n" },
    { "a workflow without a step is refused",
      "[workflow empty]\n"
      "title = Nothing to do\n",
      "workflow 'empty' has no step\n" },
    { "a second workflow in one file is refused",
      "[workflow a]\n"
      "[workflow b]\n"
      "[step s]\n"
      "action = pool.observe\n",
      "2: a second workflow 'b'; this file is already 'a'\n" },
    { "a key before the first section is refused",
      "ALONE\n"
      "title = x\n"
      "[workflow w]\n"
      "[step s]\n"
      "action = pool.observe\n",
      "1: 'title' stands before the first section\n" },
    { "an unknown section is refused with the nearest one",
      "[setp a]\n"
      "action = pool.observe\n"
      "[step b]\n"
      "action = pool.observe\n",
      "1: a workflow has no section [setp a]\n"
      "HINT: Did you mean [step a]?\n" },
    { "a step that is there twice is refused, however its header is written",
      "[step a]\n"
      "action = pool.observe\n"
      "[step  a]\n"
      "action = pool.observe\n",
      "3: step 'a' appears a second time\n" },
    { "a name with a dot or a blank is refused, for references could not be read",
      "[step a.b]\n"
      "action = pool.observe\n"
      "[gate a b]\n"
      "[step c]\n"
      "action = pool.observe\n",
      "1: 'a.b' is not a name for a step\n"
      "HINT: Write [step NAME]; a name has letters, digits, '-' and '_'.\n"
      "3: 'a b' is not a name for a gate\n"
      "HINT: Write [gate NAME]; a name has letters, digits, '-' and '_'.\n" },
    { "an unknown key of the workflow is refused",
      "[workflow w]\n"
      "titel = x\n"
      "[step s]\n"
      "action = pool.observe\n",
      "2: a workflow has no key 'titel'\n"
      "HINT: Did you mean 'title'?\n" },
    { "a workflow needs approval or nothing",
      "[workflow w]\n"
      "needs = aproval\n"
      "[step s]\n"
      "action = pool.observe\n",
      "2: needs = aproval is not approval\n" },
    { "an unknown key of a gate is refused",
      "[gate g]\n"
      "aks = Really?\n"
      "[step s]\n"
      "gate = g\n",
      "2: a gate has no key 'aks'\n"
      "HINT: Did you mean 'ask'?\n" },
    { "flags and times of a gate are checked",
      "[gate g]\n"
      "named = perhaps\n"
      "refuse = 1\n"
      "expires = soon\n"
      "[step s]\n"
      "gate = g\n",
      "2: named = perhaps is neither yes nor no\n"
      "3: refuse = 1 is neither yes nor no\n"
      "4: expires = soon is not a duration such as 250ms, 90s, 5m or 2h\n" },
    { "a key without a value is refused",
      "[step s]\n"
      "action =\n",
      "2: 'action' has no value\n" },
    { "an action is ROLE.VERB",
      "[step a]\n"
      "action = recover\n"
      "[step b]\n"
      "action = database.\n"
      "[step c]\n"
      "action = database.a.b\n",
      "2: action = recover is not ROLE.VERB\n"
      "HINT: For example database.recover; 'switchback plugin list --contracts' shows all.\n"
      "4: action = database. is not ROLE.VERB\n"
      "HINT: For example database.recover; 'switchback plugin list --contracts' shows all.\n"
      "6: action = database.a.b is not ROLE.VERB\n"
      "HINT: For example database.recover; 'switchback plugin list --contracts' shows all.\n" },
    { "retries say how many and how often",
      "[step a]\n"
      "action = pool.observe\n"
      "retry = 3\n"
      "[step b]\n"
      "action = pool.observe\n"
      "retry = 3 every 10\n"
      "[step c]\n"
      "action = pool.observe\n"
      "retry = 5000 every 1s\n",
      "3: retry = 3 is not 'N every DURATION'\n"
      "HINT: For example: retry = 3 every 10s; at most 1000 times.\n"
      "6: retry = 3 every 10 is not 'N every DURATION'\n"
      "HINT: For example: retry = 3 every 10s; at most 1000 times.\n"
      "9: retry = 5000 every 1s is not 'N every DURATION'\n"
      "HINT: For example: retry = 3 every 10s; at most 1000 times.\n" },
    { "times have units",
      "[step a]\n"
      "action = pool.observe\n"
      "timeout = 30\n"
      "settle = long\n",
      "3: timeout = 30 is not a duration such as 250ms, 90s, 5m or 2h\n"
      "4: settle = long is not a duration such as 250ms, 90s, 5m or 2h\n" },
    { "the rule for a dark site is one of three words",
      "[step a]\n"
      "action = pool.observe\n"
      "if dark = ignore\n",
      "3: if dark = ignore is not one of hold, owe, skip\n" },
    { "after names each step once",
      "[step a]\n"
      "action = pool.observe\n"
      "[step b]\n"
      "action = pool.observe\n"
      "after = a, a\n",
      "5: after names 'a' twice\n" },
    { "an undo of another role is refused",
      "[step a]\n"
      "action = pool.start-services\n"
      "for each = server\n"
      "on = ${server}\n"
      "undo = database.fence\n",
      "5: step 'a': undo = database.fence is of another role than its action pool.start-services\n"
      "HINT: What a pool did, a pool takes back.\n" },
    { "an undo may name its own role",
      "[step a]\n"
      "action = pool.start-services\n"
      "for each = server\n"
      "on = ${server}\n"
      "undo = pool.stop-services\n",
      "" },
    { "an unknown role is refused with the nearest one",
      "[step a]\n"
      "action = databse.recover\n",
      "2: step 'a': there is no role 'databse'\n"
      "HINT: Did you mean 'database'?\n" },
    { "an unknown verb is refused with the nearest one",
      "[step a]\n"
      "action = database.recovr\n",
      "2: step 'a': role 'database' has no verb 'recovr'\n"
      "HINT: Did you mean 'recover'?\n" },
    { "a site's own role is known from its plugin, and so are its verbs",
      "[step a]\n"
      "action = dns.look\n"
      "[step b]\n"
      "action = dns.lokk\n",
      "4: step 'b': role 'dns' has no verb 'lokk'\n"
      "HINT: Did you mean 'look'?\n" },
    { "a role that only a bridge can play is accepted, but must say how it is undone",
      "[step a]\n"
      "action = balancer.drain\n"
      "weight = 0\n"
      "[step b]\n"
      "action = balancer.drain\n"
      "weight = 0\n"
      "undo = not needed\n",
      "2: step 'a': balancer.drain changes something, but 'undo' is missing\n"
      "HINT: Say 'undo = VERB', 'undo = not needed' (harmless if left) or 'undo = none' (no way back).\n" },
    { "a verb that works at an object needs on",
      "[step a]\n"
      "action = pool.stop-services\n"
      "undo = not needed\n",
      "2: step 'a': pool.stop-services works at a server, but 'on' is missing\n"
      "HINT: Name it, for example: on = ${database.backup}\n" },
    { "a verb that works at none takes no on",
      "[step a]\n"
      "action = pool.set-state\n"
      "on = south\n"
      "state = Normal\n"
      "undo = none\n",
      "3: step 'a': pool.set-state takes no 'on'\n"
      "HINT: The verb concerns the whole pool that plays the role; 'by' names it.\n" },
    { "on = principal is for instances",
      "[step a]\n"
      "action = pool.stop-services\n"
      "on = principal of mgc in north\n"
      "undo = not needed\n",
      "3: step 'a': pool.stop-services works at a server, and a principal is an instance\n" },
    { "on = principal says of which database and where",
      "[step a]\n"
      "action = database.fence\n"
      "on = principal of mgc\n"
      "undo = release\n",
      "3: step 'a': on = principal of mgc cannot be understood\n"
      "HINT: Write: on = principal of DATABASE in SITE\n" },
    { "a changing step must say how it is undone",
      "[step a]\n"
      "action = database.fence\n"
      "on = x\n",
      "2: step 'a': database.fence changes something, but 'undo' is missing\n"
      "HINT: Say 'undo = release', 'undo = not needed' (harmless if left) or 'undo = none' (no way back).\n" },
    { "a reading step has nothing to undo",
      "[step a]\n"
      "action = pool.observe\n"
      "undo = set-state\n",
      "3: step 'a': pool.observe changes nothing, so there is nothing to undo\n" },
    { "an undo must be a verb of the role that changes something",
      "[step a]\n"
      "action = pool.set-active\n"
      "undo = set-actve\n"
      "[step b]\n"
      "action = pool.set-active\n"
      "undo = observe\n",
      "3: step 'a': role 'pool' has no verb 'set-actve' to undo it with\n"
      "HINT: Did you mean 'set-active'?\n"
      "6: step 'b': pool.observe changes nothing, so it takes nothing back\n"
      "HINT: Name a verb that does, or say 'undo = not needed' or 'undo = none'.\n" },
    { "the parameters of an undo are checked like those of an action",
      "[step a]\n"
      "action = pool.set-state\n"
      "state = Normal\n"
      "undo = set-state\n"
      "[step b]\n"
      "action = pool.set-state\n"
      "state = Normal\n"
      "undo = set-state\n"
      "undo stat = Normal\n"
      "undo state = ${steps.b.was}\n",
      "4: step 'a': pool.set-state needs 'state'\n"
      "HINT: Write 'undo state = ...': the pool state wanted.\n"
      "9: step 'b': pool.set-state has no parameter 'stat'\n"
      "HINT: Did you mean 'undo state'?\n" },
    { "parameters of an undo need an undo",
      "[step a]\n"
      "action = pool.set-state\n"
      "state = Normal\n"
      "undo = none\n"
      "undo state = FailedOver\n",
      "5: step 'a': 'undo state' without 'undo = VERB'\n" },
    { "an unknown parameter is refused with the nearest one",
      "[step a]\n"
      "action = share.copy\n"
      "prefx = mgc_\n"
      "prefix = mgc_\n"
      "to = x\n"
      "undo = not needed\n",
      "3: step 'a': share.copy has no parameter 'prefx'\n"
      "HINT: Did you mean 'prefix'?\n" },
    { "a misspelt key of a step is found among the keys",
      "[step a]\n"
      "action = pool.observe\n"
      "aftr = b\n",
      "3: step 'a': pool.observe has no parameter 'aftr'\n"
      "HINT: Did you mean 'after'?\n" },
    { "a required parameter must be there",
      "[step a]\n"
      "action = share.copy\n"
      "undo = not needed\n",
      "2: step 'a': share.copy needs 'to'\n"
      "HINT: Write 'to = ...': where the files shall be.\n"
      "2: step 'a': share.copy needs 'prefix'\n"
      "HINT: Write 'prefix = ...': files whose name starts so.\n" },
    { "a parameter is of its type",
      "[step a]\n"
      "action = pool.set-state\n"
      "state = Failed\n"
      "undo = none\n"
      "[step b]\n"
      "action = database.await-no-sessions\n"
      "on = x\n"
      "end = maybe\n"
      "undo = not needed\n",
      "3: step 'a': state = Failed is not one of Normal, FailedOver\n"
      "8: step 'b': end = maybe is neither yes nor no\n" },
    { "a list of objects is written all KIND or first N of KIND",
      "[step a]\n"
      "action = pool.await-replication\n"
      "servers = first four of server\n"
      "undo = not needed\n"
      "[step b]\n"
      "action = pool.await-replication\n"
      "servers = all server were active = yes\n"
      "undo = not needed\n"
      "[step c]\n"
      "action = pool.await-replication\n"
      "servers = all servers\n"
      "undo = not needed\n"
      "[step d]\n"
      "action = pool.await-replication\n"
      "servers = first 4 of server where activ = yes\n"
      "undo = not needed\n",
      "3: step 'a': servers = first four of server: 'first N of KIND' is expected\n"
      "7: step 'b': servers = all server were active = yes: 'where' is expected behind 'server', not 'were active = yes'\n"
      "11: step 'c': servers: there is no kind of object 'servers'\n"
      "HINT: Did you mean 'server'?\n"
      "15: step 'd': servers: a server has no 'activ'\n"
      "HINT: Did you mean 'active'?\n" },
    { "a step without action takes no keys that speak of one",
      "[gate g]\n"
      "[step a]\n"
      "gate = g\n"
      "on = x\n"
      "undo = none\n"
      "file = y\n",
      "4: step 'a' has no action, so 'on' means nothing\n"
      "HINT: A step without 'action = ROLE.VERB' only asks its gate.\n"
      "5: step 'a' has no action, so 'undo' means nothing\n"
      "HINT: A step without 'action = ROLE.VERB' only asks its gate.\n"
      "6: step 'a' has no action, so 'file' means nothing\n"
      "HINT: Did you mean 'title'?\n" },
    { "a check changes nothing",
      "[workflow w]\n"
      "kind = check\n"
      "[step a]\n"
      "action = pool.set-active\n"
      "undo = none\n",
      "4: step 'a': a check must change nothing, but pool.set-active does\n"
      "HINT: 'kind = check' is for facts; leave it out for a procedure.\n" },
    { "after must name a step",
      "[step first]\n"
      "action = pool.observe\n"
      "[step b]\n"
      "action = pool.observe\n"
      "after = frist\n",
      "5: step 'b' comes after 'frist', which is no step of this workflow\n"
      "HINT: Did you mean 'first'?\n" },
    { "a gate must be there",
      "[gate loss]\n"
      "[step a]\n"
      "action = pool.observe\n"
      "gate = los\n"
      "[step b]\n"
      "action = pool.observe\n"
      "gate = other\n",
      "4: step 'a': there is no gate 'los'\n"
      "HINT: Did you mean 'loss'?\n"
      "7: step 'b': there is no gate 'other'\n"
      "HINT: Write it as a section of its own: [gate other].\n" },
    { "a gate that stops the wrong workflow is answered by its name alone",
      "[gate wrong]\n"
      "ask = Go on?\n"
      "when = ${params.x}\n"
      "refuse = yes\n"
      "[params]\n"
      "x = y\n"
      "[step a]\n"
      "action = pool.observe\n"
      "gate = wrong\n",
      "1: gate 'wrong' stops a workflow that is the wrong one (when, refuse), and '--approve all' would answer it\n"
      "HINT: Write in [gate wrong]: named = yes\n" },
    { "a proof says how old it may be",
      "[step a]\n"
      "action = pool.observe\n"
      "[step b]\n"
      "action = pool.observe\n"
      "proof = a, a within 60\n"
      "after = a\n",
      "5: proof = a is not STEP within DURATION\n"
      "HINT: For example: proof = isolate within 60s\n"
      "5: proof = a within 60 is not STEP within DURATION\n"
      "HINT: For example: proof = isolate within 60s\n" },
    { "a proof must be a step with an action, and before",
      "[step a]\n"
      "action = pool.observe\n"
      "[step b]\n"
      "[step c]\n"
      "action = pool.observe\n"
      "proof = a within 60s, b within 1m, x within 5s\n"
      "after = b\n",
      "6: step 'c': proof 'b' has no action that could be asked\n"
      "6: step 'c': proof 'x' is no step of this workflow\n"
      "HINT: Did you mean 'a'?\n"
      "6: step 'c': its proof 'a' is not before it\n"
      "HINT: Add 'a' to its 'after'.\n" },
    { "steps in a circle are named one by one",
      "[step a]\n"
      "action = pool.observe\n"
      "after = c\n"
      "[step b]\n"
      "action = pool.observe\n"
      "after = a\n"
      "[step c]\n"
      "action = pool.observe\n"
      "after = b\n"
      "[step d]\n"
      "action = pool.observe\n"
      "after = c\n",
      "3: steps wait for each other in a circle: 'a' waits for 'c' waits for 'b' waits for 'a'\n"
      "HINT: Take one of them out of another's 'after'.\n" },
    { "a step that waits for itself is a circle",
      "[step a]\n"
      "action = pool.observe\n"
      "after = a\n",
      "3: steps wait for each other in a circle: 'a' waits for 'a'\n"
      "HINT: Take one of them out of another's 'after'.\n" },
    { "the loop must be over a kind of object",
      "[step a]\n"
      "action = database.observe\n"
      "for each = databases\n"
      "on = x\n"
      "[step b]\n"
      "action = database.observe\n"
      "for each = database were mirror\n"
      "on = x\n"
      "[step c]\n"
      "action = database.observe\n"
      "for each = database where mirror = and backup\n"
      "on = x\n",
      "3: step 'a': for each: there is no kind of object 'databases'\n"
      "HINT: Did you mean 'database'?\n"
      "7: step 'b': for each: 'where' is expected behind 'database', not 'were mirror'\n"
      "11: step 'c': for each: condition on 'mirror' has no value\n" },
    { "conditions use keys that the objects have",
      "[step a]\n"
      "action = database.check\n"
      "for each = database where fial over = yes and primary.sit = north\n"
      "fact = H3\n",
      "3: step 'a': for each: a database has no 'fial over'\n"
      "HINT: Did you mean 'fail over'?\n"
      "3: step 'a': for each: an instance has no 'sit'\n"
      "HINT: Did you mean 'site'?\n" },
    { "a plugin's setting is a key too",
      "[step a]\n"
      "action = database.check\n"
      "for each = database where login timeout = 5s\n"
      "fact = ${database.login timeout}\n",
      "" },
    { "a reference must be known where it stands",
      "[step a]\n"
      "title = At ${server}\n"
      "action = database.check\n"
      "for each = database\n"
      "fact = ${databse.name}${poool}\n",
      "2: step 'a': title: 'server' is not known here\n"
      "HINT: 'server' is known in a step 'for each = server'.\n"
      "5: step 'a': fact: 'databse' is not known here\n"
      "HINT: Did you mean 'database'?\n"
      "5: step 'a': fact: 'poool' is not known here\n"
      "HINT: Did you mean 'pool'?\n" },
    { "a chain goes on only through references",
      "[step a]\n"
      "action = database.check\n"
      "for each = database\n"
      "fact = ${database.primary.site.fence}${database.name.x}${database.primry}${pool.control.site}\n",
      "4: step 'a': fact: 'name' of a database is not another object, so '.x' cannot follow\n"
      "4: step 'a': fact: a database has no 'primry'\n"
      "HINT: Did you mean 'primary'?\n"
      "4: step 'a': fact: 'control' of a pool is not another object, so '.site' cannot follow\n" },
    { "a reference needs its closing brace and all its alternatives",
      "[step a]\n"
      "action = pool.check\n"
      "fact = ${pool\n"
      "[step b]\n"
      "action = pool.check\n"
      "fact = ${pool | }\n",
      "3: step 'a': fact: '${' without its '}'\n"
      "6: step 'b': fact: an alternative of ${pool | } is empty\n" },
    { "a parameter of the workflow must be declared",
      "[params]\n"
      "limit = 5\n"
      "[step a]\n"
      "action = pool.check\n"
      "fact = ${params.limit}${params.limt}\n",
      "5: step 'a': fact: the workflow has no parameter 'limt'\n"
      "HINT: Parameters stand in the section [params].\n" },
    { "a title, a target and a loop cannot speak of results, for they are fixed when planning",
      "[step a]\n"
      "action = database.locate\n"
      "for each = database\n"
      "site = north\n"
      "[step b]\n"
      "title = At ${steps.a.principal}\n"
      "action = database.fence\n"
      "for each = database where name = ${run.id}\n"
      "on = ${steps.a.principal}\n"
      "undo = release\n"
      "after = a\n",
      "6: step 'b': title: '${steps.a.principal}' is not known yet when the plan is made\n"
      "HINT: Only parameters, 'undo' parameters and gates may speak of results and of the run.\n"
      "8: step 'b': for each: '${run.id}' is not known yet when the plan is made\n"
      "HINT: Only parameters, 'undo' parameters and gates may speak of results and of the run.\n"
      "9: step 'b': on: '${steps.a.principal}' is not known yet when the plan is made\n"
      "HINT: Only parameters, 'undo' parameters and gates may speak of results and of the run.\n" },
    { "a run has four words",
      "[step a]\n"
      "action = pool.check\n"
      "fact = ${run.id}${run.dir}${run.started}${run.stamp}${run.time}\n",
      "3: step 'a': fact: a run has no 'time'\n" },
    { "a result must be declared by the verb of its step",
      "[step a]\n"
      "action = pool.observe\n"
      "[step b]\n"
      "action = pool.check\n"
      "fact = ${steps.a.state}${steps.a.stat}${steps.c.state}${steps.a}\n"
      "after = a\n"
      "[step m]\n"
      "after = b\n"
      "[step d]\n"
      "action = pool.check\n"
      "fact = ${steps.m.x}\n"
      "after = m\n",
      "5: step 'b': fact: step 'a' (pool.observe) has no result 'stat'\n"
      "HINT: Did you mean 'state'?\n"
      "5: step 'b': fact: there is no step 'c'\n"
      "HINT: Did you mean 'a'?\n"
      "5: step 'b': fact: a result is written steps.NAME.KEY\n"
      "11: step 'd': fact: step 'm' has no action, so it has no results\n" },
    { "a result must come from a step before",
      "[step a]\n"
      "action = pool.observe\n"
      "[step b]\n"
      "action = pool.check\n"
      "fact = ${steps.a.state}\n"
      "[step c]\n"
      "action = pool.check\n"
      "fact = ${steps.a.state}\n"
      "after = b\n"
      "[step d]\n"
      "action = pool.check\n"
      "fact = ${steps.a.state}\n"
      "after = a\n",
      "5: step 'b': fact: step 'a' is not before step 'b'\n"
      "HINT: Add 'a' to its 'after'.\n"
      "8: step 'c': fact: step 'a' is not before step 'c'\n"
      "HINT: Add 'a' to its 'after'.\n" },
    { "a step's own results are for its undo only",
      "[step a]\n"
      "action = pool.set-state\n"
      "state = ${steps.a.was}\n"
      "undo = set-state\n"
      "undo state = ${steps.a.was}\n",
      "3: step 'a': state: a step cannot use its own result before it ran\n" },
    { "an answer must come from a gate that is asked before or here",
      "[gate g]\n"
      "ask = Go on?\n"
      "[step a]\n"
      "gate = g\n"
      "[step b]\n"
      "action = pool.check\n"
      "fact = ${gates.g.grade}\n"
      "after = a\n"
      "[step c]\n"
      "action = pool.check\n"
      "fact = ${gates.g.grade}${gates.x.by}${gates.g.mood}\n",
      "11: step 'c': fact: there is no gate 'x'\n"
      "HINT: Did you mean 'g'?\n"
      "11: step 'c': fact: a gate's answer has no 'mood'\n"
      "HINT: It has grade, by and at.\n"
      "11: step 'c': fact: gate 'g' is not asked before or at step 'c'\n"
      "HINT: A gate is asked at the step that names it with 'gate ='.\n" },
    { "a gate's question is read where it is asked",
      "[gate g]\n"
      "title = Lose ${database}\n"
      "ask = ${steps.q.sentence} Go on?\n"
      "when = ${steps.q.window s}\n"
      "[step q]\n"
      "action = database.quote\n"
      "for each = database\n"
      "on = ${database.backup}\n"
      "[step a]\n"
      "for each = database\n"
      "gate = g\n"
      "after = q\n"
      "[step b]\n"
      "gate = g\n",
      "2: step 'b': title of gate 'g': 'database' is not known here\n"
      "HINT: 'database' is known in a step 'for each = database'.\n"
      "3: step 'b': ask of gate 'g': step 'q' is not before step 'b'\n"
      "HINT: Add 'q' to its 'after'.\n"
      "4: step 'b': when of gate 'g': step 'q' is not before step 'b'\n"
      "HINT: Add 'q' to its 'after'.\n" },
    { NULL, NULL, NULL }
};
/* clang-format on */

static char *
render (const char *text)
{
    SB_CLEANUP (sb_buf_free) struct sb_buf whole = { 0 };
    struct sb_workflow w = { 0 };
    struct sb_faults faults = { 0 };
    bool headed = strncmp (text, "[workflow", 9) != 0 && strncmp (text, "ALONE\n", 6) != 0;

    sb_buf_str (&whole, headed ? "[workflow w]\n" : "");
    sb_buf_str (&whole, strncmp (text, "ALONE\n", 6) == 0 ? text + 6 : text);
    if (sb_workflow_parse (&w, "w.ini", whole.s, whole.len, &faults))
        sb_workflow_lint (&w, &sb_test_catalogue, &faults);
    sb_workflow_release (&w);
    return sb_show_faults (&faults, headed ? 2 : 1);
}

int
main (void)
{
    return sb_cases_run ("faults of a workflow", cases, render);
}
