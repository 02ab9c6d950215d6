/* What cppcheck must know of libraries it does not look into; nothing else includes this. */
#define json_array_foreach(array, i, value)             for (i = 0; (value = json_array_get (array, i)); i++)
#define json_object_foreach(object, key, value)         while (next_pair (object, &key, &value))
#define json_object_foreach_safe(object, n, key, value) while (next_pair (object, &key, &value))
